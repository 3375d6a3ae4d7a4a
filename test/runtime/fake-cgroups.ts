import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { CgroupFiles } from "../../src/runtime/cgroup-home.ts";

/** How a fake hierarchy differs from that of a container with this process alone in it. */
export interface FakeOptions {
  /** In which this process is. */
  readonly own?: string;
  readonly controllers?: string;
  /** Whether the kernel would let cgroups with processes hold others that have controllers. */
  readonly isRealRoot?: boolean;
}

/** A folder that is laid out as cgroup v2 is, and keeps those of the kernel's rules that matter here. */
export class FakeCgroups implements CgroupFiles {
  readonly root: string;
  /** Paths that are busy: as if something in them were not dead yet. */
  readonly busy = new Set<string>();
  /** What was written, as `name=text` with the last part of the path. */
  readonly written: string[] = [];
  /** Files that cannot be written or made, and the code of why. */
  readonly refused = new Map<string, string>();
  /** In place of what /proc says of this process. */
  membership: string | null = null;
  mounts: string;
  readonly #isRealRoot: boolean;

  constructor(root: string, { own = "/", controllers = "cpu memory pids", isRealRoot = false }: FakeOptions = {}) {
    this.root = root;
    this.#isRealRoot = isRealRoot;
    this.mounts = `29 1 0:26 / ${root} rw,nosuid - cgroup2 cgroup rw,nsdelegate\n`;
    this.#furnish(root, controllers);
    if (own !== "/") this.#furnish(join(root, own), controllers);
    writeFileSync(join(root, own, "cgroup.procs"), `${process.pid}\n`);
  }

  read(path: string): string {
    if (path === "/proc/self/mountinfo") return `22 1 0:20 / /proc rw - proc proc rw\n${this.mounts}`;
    if (path === "/proc/self/cgroup") return this.membership ?? `0::${this.#cgroupOf(process.pid)}\n`;
    return readFileSync(path, "utf8");
  }

  write(path: string, text: string): void {
    this.#refuse(path);
    if (!existsSync(path)) throw new SystemError("ENOENT");
    this.written.push(`${basename(path)}=${text}`);
    const folder = dirname(path);
    if (basename(path) === "cgroup.procs") this.#move(text, folder);
    else if (basename(path) === "cgroup.subtree_control") this.#control(folder, text);
    else writeFileSync(path, text);
  }

  folders(path: string): readonly string[] {
    this.#refuse(path);
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  makeFolder(path: string): void {
    this.#refuse(path);
    if (!existsSync(path)) this.#furnish(path, this.#list(dirname(path), "cgroup.subtree_control").join(" "));
  }

  removeFolder(path: string): void {
    if (!existsSync(path)) throw new SystemError("ENOENT");
    const isPopulated = this.#list(path, "cgroup.procs").some((pid) => pid === String(process.pid));
    if (isPopulated || this.busy.has(path) || this.folders(path).length > 0) throw new SystemError("EBUSY");
    rmSync(path, { recursive: true });
  }

  /** Every cgroup with what is in it and what it passes on. */
  tree(path = ""): Record<string, readonly string[]> {
    const folder = join(this.root, path);
    const inside = this.folders(folder).map((name) => this.tree(join(path, name)));
    const state = [...this.#list(folder, "cgroup.procs"), ...this.#list(folder, "cgroup.subtree_control")];
    return Object.assign({ [`/${path}`]: state }, ...inside);
  }

  #furnish(path: string, controllers: string): void {
    mkdirSync(path, { recursive: true });
    const files = { "cgroup.controllers": controllers, "cgroup.subtree_control": "", "cgroup.procs": "" };
    const memory = {
      "memory.max": "max",
      "memory.swap.max": "max",
      "memory.oom.group": "0",
      "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n",
      "memory.peak": "1",
    };
    const isNotRoot = path !== this.root;
    const all = { ...files, ...(isNotRoot && { "cgroup.kill": "" }), ...(controllers.includes("memory") && memory) };
    for (const [name, text] of Object.entries(all)) writeFileSync(join(path, name), text);
  }

  #list(path: string, name: string): string[] {
    return readFileSync(join(path, name), "utf8").split(/\s+/).filter(Boolean);
  }

  #cgroupOf(pid: number, path = "/"): string | null {
    if (this.#list(join(this.root, path), "cgroup.procs").includes(String(pid))) return path;
    for (const name of this.folders(join(this.root, path))) {
      const found = this.#cgroupOf(pid, join(path, name));
      if (found !== null) return found;
    }
    return null;
  }

  #move(pid: string, folder: string): void {
    if (this.#list(folder, "cgroup.subtree_control").length > 0) throw new SystemError("EBUSY");
    const from = join(this.root, this.#cgroupOf(Number(pid)) ?? "/", "cgroup.procs");
    const left = this.#list(dirname(from), "cgroup.procs").filter((other) => other !== pid);
    writeFileSync(from, left.map((other) => `${other}\n`).join(""));
    writeFileSync(join(folder, "cgroup.procs"), `${pid}\n`, { flag: "a" });
  }

  #control(folder: string, change: string): void {
    const path = join(folder, "cgroup.subtree_control");
    const before = this.#list(folder, "cgroup.subtree_control");
    const name = change.slice(1);
    if (change.startsWith("-")) {
      writeFileSync(path, before.filter((other) => other !== name).join(" "));
      return;
    }
    const isPopulated = this.#list(folder, "cgroup.procs").length > 0;
    if (isPopulated && !(this.#isRealRoot && folder === this.root)) throw new SystemError("EBUSY");
    writeFileSync(path, [...before, name].join(" "));
  }

  #refuse(path: string): void {
    const code = this.refused.get(path);
    if (code !== undefined) throw new SystemError(code);
  }
}

class SystemError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`${code}: as a test wants it`);
    this.code = code;
  }
}
