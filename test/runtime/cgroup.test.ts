import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../src/domain/clock.ts";
import { type Cgroup, type Cgroups, type OpenedCgroups, openCgroups } from "../../src/runtime/cgroup.ts";
import { systemClock } from "../../src/system-clock.ts";
import { FakeCgroups, type FakeOptions } from "./fake-cgroups.ts";
import { start, temporaryFolder, workerOf } from "./harness.ts";

const megabyte = 2 ** 20;
const limitBytes = 300 * megabyte;
const pid = String(process.pid);

let root: string;
let opening: Cgroups[];
let lines: { level: string; fields: object; message: string }[];
beforeEach(async () => {
  root = await temporaryFolder();
  opening = [];
  lines = [];
});
afterEach(async () => {
  for (const cgroups of opening) await cgroups.close();
});

function fake(options?: FakeOptions): FakeCgroups {
  return new FakeCgroups(root, options);
}

function open(files: FakeCgroups, clock: Clock = systemClock): OpenedCgroups {
  const note = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  const log = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
  const { cgroups, reason } = openCgroups({ limitBytes, clock, log, files });
  if (cgroups !== null) opening.push(cgroups);
  return { cgroups, reason };
}

function opened(files: FakeCgroups, clock?: Clock): Cgroups {
  const { cgroups, reason } = open(files, clock);
  if (cgroups === null) throw new Error(`there are no cgroups: ${reason}`);
  return cgroups;
}

function created(cgroups: Cgroups): Cgroup {
  const cgroup = cgroups.create();
  if (cgroup === null) throw new Error(`there is no cgroup: ${JSON.stringify(lines)}`);
  return cgroup;
}

function warnings(): readonly string[] {
  return lines.filter(({ level }) => level !== "debug").map(({ message }) => message);
}

/** A clock whose timers `start` starts, however long they are. */
function timers(begin: (run: () => void) => unknown): Clock {
  return {
    now: () => 0,
    after(_ms, run) {
      begin(run);
      return () => undefined;
    },
  };
}

/** A process id that nobody has any more. */
async function deadPid(): Promise<number> {
  const process_ = Bun.spawn(["true"]);
  await process_.exited;
  return process_.pid;
}

describe("the home of the workers' cgroups", () => {
  test("a server that is alone moves aside, limits its workers, and leaves nothing behind", async () => {
    const files = fake({ own: "/service" });
    const before = files.tree();
    const cgroups = opened(files);
    const cgroup = created(cgroups);
    expect(files.tree()).toEqual({
      "/": [],
      "/service": ["memory"],
      "/service/taskflow-server": [pid],
      [`/service/taskflow-worker-${pid}-1`]: [],
    });
    const limits = ["memory.max", "memory.swap.max", "memory.oom.group"];
    expect(limits.map((name) => readFileSync(join(cgroup.path, name), "utf8"))).toEqual([`${limitBytes}`, "0", "1"]);
    await cgroup.remove();
    await cgroups.close();
    expect(files.tree()).toEqual(before);
    expect(warnings()).toEqual([]);
  });

  test("a server that exits early leaves nothing behind either", async () => {
    const modules = ["./fake-cgroups.ts", "../../src/runtime/cgroup.ts"].map((path) => join(import.meta.dir, path));
    const script = `
      import { FakeCgroups } from ${JSON.stringify(modules[0])};
      import { openCgroups } from ${JSON.stringify(modules[1])};
      const files = new FakeCgroups(${JSON.stringify(root)});
      const log = { debug() {}, warn: console.error };
      if (openCgroups({ limitBytes: 1, log, files }).cgroups !== null) console.log(Object.keys(files.tree()).join());
      process.exit(3);`;
    const server = Bun.spawn([process.execPath, "-e", script], { stderr: "inherit" });
    expect(await new Response(server.stdout).text()).toBe("/,/taskflow-server\n");
    expect(await server.exited).toBe(3);
    expect(readdirSync(root).filter((name) => name.startsWith("taskflow-"))).toEqual([]);
    expect(readFileSync(join(root, "cgroup.procs"), "utf8")).toBe(`${server.pid}\n`);
  });

  test("where the root passes memory on nobody moves, whoever else is there", async () => {
    const files = fake({ isRealRoot: true });
    writeFileSync(join(root, "cgroup.procs"), `1\n${pid}\n`);
    files.write(join(root, "cgroup.subtree_control"), "+memory");
    const before = files.tree();
    const cgroups = opened(files);
    await created(cgroups).remove();
    await cgroups.close();
    expect(files.tree()).toEqual(before);
  });

  test("a process that begins anew where it moved to finds its home again", async () => {
    const files = fake();
    const before = files.tree();
    opened(files);
    const cgroups = opened(files);
    const cgroup = created(cgroups);
    expect(cgroup.path).toBe(join(root, `taskflow-worker-${pid}-1`));
    await cgroup.remove();
    await cgroups.close();
    expect(files.tree()).toEqual(before);
  });

  test("a home in which another server has its workers, or itself, stays as it is", async () => {
    const files = fake();
    const cgroups = opened(files);
    files.makeFolder(join(root, "taskflow-worker-1-1"));
    const moved = files.tree();
    await cgroups.close();
    expect(files.tree()).toEqual(moved);
    files.removeFolder(join(root, "taskflow-worker-1-1"));
    writeFileSync(join(root, "taskflow-server/cgroup.procs"), `${pid}\n1\n`);
    await cgroups.close();
    expect(files.tree()).toEqual({ "/": ["memory"], "/taskflow-server": [pid, "1"] });
  });

  test("a part of the hierarchy is found where it is mounted", () => {
    const files = fake({ own: "/own one" });
    files.membership = "12:memory:/other\n0::/slice/own one\n";
    files.mounts = [
      `30 1 0:26 /another /nowhere rw - cgroup2 cgroup rw`,
      `31 1 0:26 /slice/own\\040one ${root}/own\\040one rw - cgroup2 cgroup rw`,
    ].join("\n");
    expect(created(opened(files)).path).toBe(join(root, `own one/taskflow-worker-${pid}-1`));
  });
});

describe("without cgroups, everything is as it was, and a reason says why", () => {
  const otherPart = ({ mounts }: FakeCgroups) => mounts.replace(" / ", " /other ");
  const write = (name: string, text: string) => () => writeFileSync(join(root, name), text);
  const refuse = (name: string, code: string) => (files: FakeCgroups) => files.refused.set(join(root, name), code);
  test.each<[string, (files: FakeCgroups) => unknown, string]>([
    ["cgroup v1 alone", (files) => Object.assign(files, { membership: "4:memory:/a\n" }), "there is no cgroup v2"],
    ["no mount", (files) => Object.assign(files, { mounts: "" }), "the cgroup / is not mounted"],
    ["a mount of another part", (files) => Object.assign(files, { mounts: otherPart(files) }), "is not mounted"],
    ["a namespace", (files) => Object.assign(files, { membership: "0::/../b\n" }), "outside of this namespace"],
    ["no memory controller", write("cgroup.controllers", "cpu pids"), "has no memory controller"],
    ["another process", write("cgroup.procs", `${pid}\n1\n`), "holds other processes than this server"],
    ["a process it cannot see", write("cgroup.procs", `0\n${pid}\n`), "holds other processes than this server"],
    ["a read-only mount", refuse("taskflow-server", "EROFS"), "EROFS"],
    ["no right to move", refuse("taskflow-server/cgroup.procs", "EACCES"), "EACCES"],
    ["no right to pass memory on", refuse("cgroup.subtree_control", "EPERM"), "EPERM"],
  ])("%s", (_name, arrange, reason) => {
    const files = fake();
    arrange(files);
    const before = files.tree();
    expect(open(files)).toEqual({ cgroups: null, reason: expect.stringContaining(reason) });
    expect(files.tree()).toEqual(before);
    expect(lines).toEqual([]);
  });
});

describe("what a killed server left", () => {
  test("is ended and goes, and what others have stays", async () => {
    const files = fake();
    opened(files);
    const [dead, ownEarlier] = [`taskflow-worker-${await deadPid()}-7`, `taskflow-worker-${pid}-3`];
    const others = [`taskflow-worker-${process.ppid}-1`, "taskflow-worker-x", "somebody"];
    for (const name of [dead, ownEarlier, ...others]) files.makeFolder(join(root, name));
    files.makeFolder(join(root, dead, "made by a handler"));
    files.written.length = 0;
    opened(files);
    expect(files.folders(root).toSorted()).toEqual([...others, "taskflow-server"].toSorted());
    expect(files.written).toEqual(["cgroup.kill=1", "cgroup.kill=1"]);
  });

  test("does no harm when it cannot be looked at", () => {
    const files = fake();
    files.refused.set(root, "EIO");
    expect(created(opened(files)).path).toBe(join(root, `taskflow-worker-${pid}-1`));
  });
});

describe("the cgroup of a worker", () => {
  test("goes as soon as nothing in it is busy any more", async () => {
    const files = fake();
    const pauses: (() => void)[] = [];
    const cgroups = opened(
      files,
      timers((run) => pauses.push(run)),
    );
    const cgroup = created(cgroups);
    files.busy.add(cgroup.path);
    const removed = cgroup.remove();
    const closed = cgroups.close();
    expect(existsSync(cgroup.path)).toBe(true);
    files.busy.clear();
    for (const run of pauses) run();
    await Promise.all([removed, closed]);
    expect(files.tree()).toEqual({ "/": [pid] });
  });

  test("that stays busy is left, with a warning", async () => {
    const files = fake();
    const cgroup = created(opened(files, timers(setImmediate)));
    files.busy.add(cgroup.path);
    await cgroup.remove();
    expect(warnings()).toEqual(["could not remove the cgroup of a worker"]);
  });

  test("that does not take its limit is not used, and goes", () => {
    const files = fake();
    const cgroups = opened(files);
    files.refused.set(join(root, `taskflow-worker-${pid}-1/memory.max`), "EACCES");
    expect(cgroups.create()).toBeNull();
    expect(warnings()).toEqual(["no cgroup for a worker: its memory is looked at instead"]);
    expect(files.folders(root)).toEqual(["taskflow-server"]);
    expect(cgroups.create()).not.toBeNull();
  });

  test("is made also where nothing can be swapped, and ended also where all at once cannot be", () => {
    const files = fake();
    const cgroups = opened(files);
    const missing = ["memory.swap.max", "cgroup.kill"];
    const write = files.write.bind(files);
    files.write = (path, text) => {
      if (missing.some((name) => path.endsWith(name))) rmSync(path, { force: true });
      write(path, text);
    };
    created(cgroups).kill();
    expect(lines).toEqual([]);
  });

  test.each([
    ["nothing was killed", "oom 3\noom_kill 0\noom_group_kill 0\n", "1", null],
    [
      "its limit killed",
      "oom 1\noom_kill 2\noom_group_kill 1\n",
      "1",
      { kind: "memory", usedBytes: limitBytes, limitBytes },
    ],
    [
      "its peak is known",
      "oom 1\noom_kill 1\n",
      `${limitBytes + 5}\n`,
      { kind: "memory", usedBytes: limitBytes + 5, limitBytes },
    ],
    ["a limit around it killed", "oom 0\noom_kill 1\n", "1", { kind: "shortage" }],
  ] as const)("tells of a death by memory: %s", (_name, events, peak, death) => {
    const cgroup = created(opened(fake()));
    writeFileSync(join(cgroup.path, "memory.events"), events);
    writeFileSync(join(cgroup.path, "memory.peak"), peak);
    expect(cgroup.memoryDeath()).toEqual(death);
  });

  test("tells of no death when it cannot be read, and gives the limit when the peak cannot be", () => {
    const cgroup = created(opened(fake()));
    rmSync(join(cgroup.path, "memory.peak"));
    writeFileSync(join(cgroup.path, "memory.events"), "oom 1\noom_kill 1\n");
    expect(cgroup.memoryDeath()).toEqual({ kind: "memory", usedBytes: limitBytes, limitBytes });
    rmSync(join(cgroup.path, "memory.events"));
    expect(cgroup.memoryDeath()).toBeNull();
  });
});

// Bun puts a child into any folder that looks like a cgroup, so that all but the kernel's part can be had of real workers.
describe("workers in cgroups", () => {
  async function startIn(files: FakeCgroups) {
    const cgroups = opened(files);
    return { cgroups, harness: await start("misdeeds", { cgroups }) };
  }

  /** As the kernel would write it. */
  function tellOf(path: string, events: string): void {
    writeFileSync(join(path, "memory.events"), events);
  }

  const onlyWorker = (files: FakeCgroups) => {
    const [name = "none", ...more] = files.folders(root).filter((folder) => folder.startsWith("taskflow-worker-"));
    expect(more).toEqual([]);
    return join(root, name);
  };

  test("start in one each, say so, and leave none", async () => {
    const files = fake();
    const before = files.tree();
    const { cgroups, harness } = await startIn(files);
    expect(await harness.result("echo", "here")).toBe("here");
    expect(harness.runner.workers().map(({ memoryGuard }) => memoryGuard)).toEqual(["cgroup"]);
    expect(readFileSync(join(onlyWorker(files), "cgroup.procs"), "utf8").trim()).not.toBe("");
    await harness.stop();
    await cgroups.close();
    expect(files.tree()).toEqual(before);
    expect([...harness.warnings, ...warnings()]).toEqual([]);
  });

  test("that the kernel kills for their limit fail what they ran with memory, in the usual words", async () => {
    const files = fake();
    const { harness } = await startIn(files);
    const { ended, attempt, logged } = await harness.begin("never_settles");
    await logged;
    const path = onlyWorker(files);
    tellOf(path, "oom 1\noom_kill 1\noom_group_kill 1\n");
    process.kill(workerOf(harness, attempt.worker).pid, "SIGKILL");
    expect((await ended).outcome).toEqual({
      kind: "failed",
      errorKind: "memory",
      error: "MemoryLimitError: the worker used 300 MB, more than its 300 MB",
      stack: null,
    });
    expect(await harness.result("echo", "next")).toBe("next");
    expect(existsSync(path)).toBe(false);
  });

  test("that the kernel kills for want of memory elsewhere crash, and are not said to have been over their limit", async () => {
    const files = fake();
    const { harness } = await startIn(files);
    const { ended, attempt, logged } = await harness.begin("never_settles");
    await logged;
    tellOf(onlyWorker(files), "oom 0\noom_kill 1\n");
    process.kill(workerOf(harness, attempt.worker).pid, "SIGKILL");
    const error = "WorkerCrashError: the system had no memory left for the worker while it ran this task";
    expect((await ended).outcome).toMatchObject({ kind: "failed", errorKind: "crashed", error });
  });

  test("that exit on their own after one of their processes was killed have not died of memory", async () => {
    const files = fake();
    const { harness } = await startIn(files);
    const { ended, logged } = await harness.begin("never_settles");
    await logged;
    tellOf(onlyWorker(files), "oom 1\noom_kill 1\n");
    const [state] = harness.runner.workers();
    process.kill(state?.pid ?? 0, "SIGABRT");
    expect((await ended).outcome).toMatchObject({ kind: "failed", errorKind: "crashed" });
  });

  test("that only load are in one too, and what they load may not take more either", async () => {
    const files = fake();
    const makeFolder = files.makeFolder.bind(files);
    files.makeFolder = (path) => {
      makeFolder(path);
      if (path.includes("taskflow-worker-")) tellOf(path, "oom 1\noom_kill 1\n");
    };
    const tasksDir = await temporaryFolder();
    writeFileSync(join(tasksDir, "grows.ts"), 'process.kill(process.pid, "SIGKILL"); for (;;);');
    const { catalog } = await start(tasksDir, { cgroups: opened(files) });
    const message = "it takes too much memory to load: the worker used 300 MB, more than its 300 MB";
    expect(catalog.find("grows")).toMatchObject({ status: "load_error", error: { message } });
  });

  test("are ended with all that is in it", async () => {
    const files = fake();
    const { harness } = await startIn(files);
    const { ended, attempt, logged } = await harness.begin("never_settles");
    await logged;
    files.written.length = 0;
    attempt.kill();
    expect(files.written).toContain("cgroup.kill=1");
    expect((await ended).outcome).toMatchObject({ kind: "interrupted" });
  });

  test("that cannot be started in one are started without", async () => {
    const files = fake();
    const makeFolder = files.makeFolder.bind(files);
    files.makeFolder = (path) => {
      makeFolder(path);
      if (path.includes("taskflow-worker-")) rmSync(join(path, "cgroup.procs"));
    };
    const removeFolder = files.removeFolder.bind(files);
    files.removeFolder = (path) => {
      if (path.includes("taskflow-worker-")) writeFileSync(join(path, "cgroup.procs"), "");
      removeFolder(path);
    };
    const { harness } = await startIn(files);
    expect(await harness.result("echo", "here")).toBe("here");
    expect(harness.runner.workers().map(({ memoryGuard }) => memoryGuard)).toEqual(["rss"]);
    expect(new Set(warnings())).toEqual(new Set(["no cgroup for a worker: its memory is looked at instead"]));
    expect(readdirSync(root).filter((name) => name.startsWith("taskflow-worker-"))).toEqual([]);
  });
});
