import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import type { Log } from "../domain/log.ts";
import { removeFolder } from "./child.ts";
import { resolving } from "./scan.ts";
import type { Snapshot } from "./sources.ts";

/** Of a folder with more in it than this, such as `/tmp`, only what is known to be needed is linked. */
const mostLinked = 500;

/**
 * Copies of the tasks folder, which workers load the handlers from: what was read once stays what it was, whatever
 * becomes of the files. Each copy has beside and above it what the tasks folder has, by links, so that imports that
 * leave the folder, packages and settings resolve as they do there.
 */
export class Trees {
  /** The path of each copy, but for its number. */
  readonly prefix: string;
  readonly #tasksDir: string;
  readonly #codeDir: string;
  readonly #log: Log;
  readonly #kept = new Map<number, Tree>();
  readonly #linkedAbove = new Set<string>();
  #made = 0;

  /** @param scratchDir without symbolic links, as stacks show the real path. */
  constructor(tasksDir: string, scratchDir: string, log: Log) {
    this.#tasksDir = tasksDir;
    this.#codeDir = join(scratchDir, "code");
    this.#log = log;
    this.prefix = join(this.#codeDir, `${tasksDir}@`);
  }

  /** Makes a copy; says its number. */
  async write(snapshot: Snapshot): Promise<number> {
    this.#made += 1;
    const number = this.#made;
    const root = `${this.prefix}${number}`;
    const tree = { folders: foldersOf(snapshot), linked: new Set<string>() };
    this.#kept.set(number, tree);
    await mkdir(root, { recursive: true });
    await this.#linkAbove(importedOutside(snapshot, this.#tasksDir));
    for (const folder of tree.folders) await mkdir(join(root, folder), { recursive: true });
    await Promise.all([...snapshot.sources].map(([path, { bytes }]) => writeFile(join(root, path), bytes)));
    await this.#linkOthers(number, tree, snapshot.others);
    return number;
  }

  /** Makes files that came or went since do so in every copy, but for code, which belongs to its own copy. */
  async link({ others }: Snapshot): Promise<void> {
    for (const [number, tree] of this.#kept) await this.#linkOthers(number, tree, others);
  }

  /** Removes the copies that nobody uses any more. */
  async keepOnly(used: ReadonlySet<number>): Promise<void> {
    const unused = [...this.#kept.keys()].filter((number) => !used.has(number));
    for (const number of unused) this.#kept.delete(number);
    await Promise.all(unused.map((number) => removeFolder(`${this.prefix}${number}`, this.#log)));
  }

  async #linkOthers(number: number, { folders, linked }: Tree, others: readonly string[]): Promise<void> {
    const root = `${this.prefix}${number}`;
    const wanted = new Set(others.map((other) => topmostBeside(other, folders)));
    for (const path of wanted.difference(linked)) {
      if (await this.#link(join(this.#tasksDir, path), join(root, path))) linked.add(path);
    }
    for (const path of linked.difference(wanted)) {
      await rm(join(root, path), { force: true });
      linked.delete(path);
    }
  }

  /** @param imported absolute paths that must be found */
  async #linkAbove(imported: readonly string[]): Promise<void> {
    for (let folder = this.#tasksDir; folder !== dirname(folder); folder = dirname(folder)) {
      const parent = dirname(folder);
      for (const name of await this.#worthLinking(parent, imported)) {
        const path = join(parent, name);
        // The tasks folder itself is linked too: code may import from it by its name.
        const leadsToTree = path === folder && folder !== this.#tasksDir;
        if (leadsToTree || this.#linkedAbove.has(path)) continue;
        if (await this.#link(path, join(this.#codeDir, path))) this.#linkedAbove.add(path);
      }
    }
  }

  async #worthLinking(folder: string, imported: readonly string[]): Promise<readonly string[]> {
    try {
      const names = await readdir(folder);
      if (names.length <= mostLinked) return names;
      return names.filter((name) => resolving.includes(name) || leadsToAny(join(folder, name), imported));
    } catch (error) {
      this.#log.debug({ err: error, path: folder }, "cannot read a folder above the tasks folder");
      return [];
    }
  }

  /** Says whether there is a link now; where code was copied to there is none. */
  async #link(target: string, path: string): Promise<boolean> {
    try {
      await symlink(target, path);
      return true;
    } catch (error) {
      const isThere = error instanceof Error && "code" in error && error.code === "EEXIST";
      if (!isThere) this.#log.warn({ err: error, path: target }, "handlers will not find this file");
      return false;
    }
  }
}

/** Where relative imports lead that leave the folder; the ending may be missing. */
function importedOutside({ sources }: Snapshot, tasksDir: string): readonly string[] {
  const paths = [...sources].flatMap(([from, { imports }]) => {
    return imports.map((specifier) => join(tasksDir, dirname(from), specifier));
  });
  return paths.filter((path) => !path.startsWith(tasksDir + sep));
}

/** Whether `path` is one of `wanted`, a folder above it, or it with an ending. */
function leadsToAny(path: string, wanted: readonly string[]): boolean {
  return wanted.some((one) => one === path || one.startsWith(path + sep) || path.startsWith(`${one}.`));
}

interface Tree {
  /** Those that hold sources, at any depth. */
  readonly folders: ReadonlySet<string>;
  readonly linked: Set<string>;
}

function foldersOf({ sources }: Snapshot): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const path of sources.keys()) {
    for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) folders.add(folder);
  }
  return folders;
}

/** `path`, or the topmost folder above it that holds no source: one link does for all that is in it. */
function topmostBeside(path: string, folders: ReadonlySet<string>): string {
  let topmost = path;
  for (let folder = dirname(path); folder !== "." && !folders.has(folder); folder = dirname(folder)) topmost = folder;
  return topmost;
}
