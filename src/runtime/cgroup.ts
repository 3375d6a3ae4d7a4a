import { join } from "node:path";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../domain/log.ts";
import {
  type CgroupFiles,
  type CgroupHome,
  isWorkerCgroup,
  moveInto,
  systemFiles,
  workerPrefix,
} from "./cgroup-home.ts";

export interface CgroupOptions {
  /** What a worker and all that it starts may take together. */
  readonly limitBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Those of the system unless given. */
  readonly files?: CgroupFiles;
}

/** Why the kernel killed what was in a cgroup for its memory. */
export type MemoryDeath =
  | { readonly kind: "memory"; readonly usedBytes: number; readonly limitBytes: number }
  /** There was none left around it: in the container, or in the machine. */
  | { readonly kind: "shortage" };

/** Where to start a process, as `Bun.spawn` takes it. */
export type Place = { readonly cgroup?: string };

export interface OpenedCgroups {
  /** Null where the system does not let this process have any. */
  readonly cgroups: Cgroups | null;
  /** Where they are made, or why there are none. */
  readonly reason: string;
}

/**
 * Makes the kernel limit the memory of each worker, where it lets this process have cgroups (v2) of its own. Call it once
 * in the life of the process, before any child is started.
 */
export function openCgroups(options: CgroupOptions): OpenedCgroups {
  const { files = systemFiles } = options;
  try {
    const home = moveInto(files);
    return { cgroups: new Cgroups({ ...options, files }, home), reason: `they are made in ${home.path}` };
  } catch (error) {
    return { cgroups: null, reason: messageOf(error) };
  }
}

/**
 * Starts a child by `spawn`, in a cgroup of its own if there are any. One that cannot be started there is started without.
 * @throws what `spawn` throws without a cgroup.
 */
export function startInside<T>(
  cgroups: Cgroups | null,
  spawn: (place: Place) => T,
): { readonly child: T; readonly cgroup: Cgroup | null } {
  const cgroup = cgroups?.create() ?? null;
  if (cgroup === null) return { child: spawn({}), cgroup };
  try {
    return { child: spawn({ cgroup: cgroup.path }), cgroup };
  } catch (error) {
    cgroup.giveUp(error);
    return { child: spawn({}), cgroup: null };
  }
}

/** The cgroups of this server's workers. They are gone when it stops, or when a next one starts. */
export class Cgroups {
  readonly #options: Required<CgroupOptions>;
  readonly #home: CgroupHome;
  readonly #removals = new Set<Promise<void>>();
  readonly #leave = () => this.#leaveHome();
  #made = 0;

  constructor(options: Required<CgroupOptions>, home: CgroupHome) {
    this.#options = options;
    this.#home = home;
    this.#sweep();
    process.on("exit", this.#leave);
  }

  /** Makes one for a worker to come; null, with a warning, when the system refuses. */
  create(): Cgroup | null {
    const { files, limitBytes } = this.#options;
    this.#made += 1;
    const cgroup = this.#at(`${workerPrefix}${process.pid}-${this.#made}`);
    try {
      files.makeFolder(cgroup.path);
      files.write(join(cgroup.path, "memory.max"), String(limitBytes));
      // What a handler has started does not live on without it.
      files.write(join(cgroup.path, "memory.oom.group"), "1");
      // There is none where nothing can be swapped.
      writeIfThere(files, join(cgroup.path, "memory.swap.max"), "0");
      return cgroup;
    } catch (error) {
      cgroup.giveUp(error);
      return null;
    }
  }

  /** Resolves when those of all workers are gone, which have to be dead by then, and things are as they were. */
  async close(): Promise<void> {
    await Promise.all(this.#removals);
    process.off("exit", this.#leave);
    this.#leaveHome();
  }

  #at(name: string): Cgroup {
    return new Cgroup(join(this.#home.path, name), this.#options, (removal) => {
      this.#removals.add(removal);
      void removal.then(() => this.#removals.delete(removal));
    });
  }

  /** What a killed server has left is ended, and goes. */
  #sweep(): void {
    const { files, log } = this.#options;
    const { path } = this.#home;
    const names = orElse(
      [],
      () => files.folders(path),
      failed(log, path, "could not look for what killed servers left"),
    );
    for (const name of names.filter(isLeftover)) {
      log.debug({ path, name }, "removes a cgroup that a killed server left");
      const cgroup = this.#at(name);
      cgroup.kill();
      void cgroup.remove();
    }
  }

  #leaveHome(): void {
    const { leave, path } = this.#home;
    orElse(undefined, leave, failed(this.#options.log, path, "could not put the cgroup of the server back"));
  }
}

/** That of one worker. */
export class Cgroup {
  readonly path: string;
  readonly #options: Required<CgroupOptions>;
  readonly #removing: (removal: Promise<void>) => void;

  constructor(path: string, options: Required<CgroupOptions>, removing: (removal: Promise<void>) => void) {
    this.path = path;
    this.#options = options;
    this.#removing = removing;
  }

  /** Ends all that is in it, whatever session or process group it has put itself into. */
  kill(): void {
    const { files, log } = this.#options;
    // Linux has it since 5.14.
    const write = () => writeIfThere(files, join(this.path, "cgroup.kill"), "1");
    orElse(undefined, write, failed(log, this.path, "could not end what is in a cgroup"));
  }

  /** Of what the kernel killed in here; null when it did not do so for the memory. */
  memoryDeath(): MemoryDeath | null {
    const { limitBytes } = this.#options;
    const events = this.#read("memory.events");
    const count = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(events)?.[1] ?? 0);
    if (count("oom_kill") + count("oom_group_kill") === 0) return null;
    // Of the limit of this cgroup; those further up count their own.
    if (count("oom") === 0) return { kind: "shortage" };
    // Linux has the peak since 5.19. It never is over the limit: what would have been was not granted.
    return { kind: "memory", usedBytes: Math.max(limitBytes, Number(this.#read("memory.peak"))), limitBytes };
  }

  /** Removes it, as no worker can be in it. */
  giveUp(error: unknown): void {
    const { log } = this.#options;
    log.warn({ reason: messageOf(error), path: this.path }, "no cgroup for a worker: its memory is looked at instead");
    void this.remove();
  }

  /** Resolves once it is gone, or will not go for as long as what is in it is not dead. */
  remove(): Promise<void> {
    const removal = this.#remove();
    this.#removing(removal);
    return removal;
  }

  async #remove(): Promise<void> {
    const { clock, files, log } = this.#options;
    for (let triesLeft = removalTries; ; triesLeft -= 1) {
      try {
        removeTree(files, this.path);
        return;
      } catch (error) {
        if (isMissing(error)) return;
        if (triesLeft === 0) {
          log.warn({ reason: messageOf(error), path: this.path }, "could not remove the cgroup of a worker");
          return;
        }
      }
      await new Promise<void>((resolve) => clock.after(removalPauseMs, resolve));
    }
  }

  /** Empty when it cannot be read. */
  #read(name: string): string {
    const { files, log } = this.#options;
    const path = join(this.path, name);
    return orElse("", () => files.read(path), failed(log, path, "could not read of a cgroup"));
  }
}

/** What is dead but for its burial may keep its cgroup busy for a moment; what hangs in the kernel is not waited for. */
const removalPauseMs = 20;
const removalTries = 100;

/** What was made in a cgroup, by a handler that was allowed to, goes first. */
function removeTree(files: CgroupFiles, path: string): void {
  for (const name of files.folders(path)) removeTree(files, join(path, name));
  files.removeFolder(path);
}

/** Whether the server that made a cgroup is gone. This one, with an id that is used again, has made none yet. */
function isLeftover(name: string): boolean {
  if (!isWorkerCgroup(name)) return false;
  const pid = Number(/^(\d+)-\d+$/.exec(name.slice(workerPrefix.length))?.[1]);
  return pid > 0 && (pid === process.pid || !isAlive(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It may be that of another user.
    return !hasCode(error, "ESRCH");
  }
}

/** What `run` returns, or `other` when it throws; no worker and no server should suffer for it. */
function orElse<T>(other: T, run: () => T, onError: (error: unknown) => void): T {
  try {
    return run();
  } catch (error) {
    onError(error);
    return other;
  }
}

function failed(log: Log, path: string, message: string): (error: unknown) => void {
  return (error) => log.debug({ reason: messageOf(error), path }, message);
}

function writeIfThere(files: CgroupFiles, path: string, text: string): void {
  try {
    files.write(path, text);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function isMissing(error: unknown): boolean {
  return hasCode(error, "ENOENT");
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
