import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../domain/log.ts";
import type { MemoryGuard } from "../engine/runner.ts";
import { type Cgroups, type MemoryDeath, type Place, startInside } from "./cgroup.ts";
import { workerWord } from "./executable.ts";
import { guardWithout } from "./memory.ts";
import { type ChildMessage, isChildMessage, type ParentMessage } from "./protocol.ts";
import { Tail } from "./tail.ts";
import { within } from "./timing.ts";

/** What all children of one runtime have in common. */
export interface ChildSettings {
  /** The path of the copies of the tasks folder, but for their number. */
  readonly trees: string;
  /** Each child gets a working directory of its own in here, which goes when it ends. */
  readonly scratchDir: string;
  /** All of the environment that handlers see. */
  readonly env: Readonly<Record<string, string>>;
  /** In which the kernel limits the memory of each child; null for none. */
  readonly cgroups: Cgroups | null;
  readonly clock: Clock;
  readonly log: Log;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
  /** It closed its channel and lived on, so that it had to be killed. */
  readonly cutOff: boolean;
  /** Set when the kernel killed it for its memory. */
  readonly memoryDeath: MemoryDeath | null;
  /** The last of what it wrote to stderr. */
  readonly stderr: string;
}

/** A child process that runs handler code, as the server holds it. */
export interface Child {
  readonly pid: number;
  /** What keeps it within its memory. */
  readonly memoryGuard: MemoryGuard;
  /** Resolves once it is gone and all that it had sent was received. */
  readonly ended: Promise<Exit>;
  send(message: ParentMessage): void;
  /** Ends it and what it started. */
  kill(): void;
}

export interface ChildEvents {
  /** Takes what it sends, null for what no worker of ours would say. */
  received(message: ChildMessage | null): void;
  /** Nothing that is sent from now on reaches it; what it had sent may still come. */
  closed(): void;
}

/**
 * Starts a child.
 * @param name names its working directory.
 * @throws when the system refuses another process.
 */
export function startChild(name: string, settings: ChildSettings, events: ChildEvents): Child {
  const { cgroups, clock, log, scratchDir } = settings;
  const cwd = join(scratchDir, name);
  mkdirSync(cwd, { recursive: true });
  const disconnected = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  let isOpen = true;
  let cutOff = false;
  const close = (what: PromiseWithResolvers<void>) => {
    what.resolve();
    if (isOpen) events.closed();
    isOpen = false;
  };
  const { child, cgroup } = startInside(cgroups, (place) =>
    spawn(settings, cwd, place, {
      ipc: (message: unknown) => events.received(isChildMessage(message) ? message : null),
      onDisconnect: () => close(disconnected),
      onExit: () => close(gone),
    }),
  );
  const stderr = new Tail(child.stderr, clock, log);
  const killAll = () => {
    killGroup(child.pid, log);
    cgroup?.kill();
  };
  const kill = () => {
    killAll();
    // One that hangs in the kernel is not waited for.
    clock.after(unkillableMs, gone.resolve);
  };

  async function end(): Promise<Exit> {
    await gone.promise;
    const memoryDeath = child.signalCode === "SIGKILL" ? (cgroup?.memoryDeath() ?? null) : null;
    killAll();
    void cgroup?.remove();
    stderr.hurry();
    await within(clock, lastWordsMs, Promise.all([disconnected.promise, stderr.closed]));
    // A folder that is large enough to take its time must not hold the attempts back.
    await within(clock, lastWordsMs, removeFolder(cwd, log));
    const signal = child.signalCode === null ? null : String(child.signalCode);
    return { code: child.exitCode, signal, cutOff, memoryDeath, stderr: stderr.text };
  }

  async function endWithoutChannel(): Promise<void> {
    await disconnected.promise;
    // It is of no use any more, but when it exits on its own its exit code tells why.
    if (await within(clock, lastWordsMs, gone.promise)) return;
    cutOff = true;
    kill();
  }

  void endWithoutChannel();
  return {
    pid: child.pid,
    memoryGuard: cgroup === null ? guardWithout : "cgroup",
    ended: end(),
    send(message) {
      if (isOpen) child.send(message);
    },
    kill,
  };
}

/** Removes a folder with all that is in it; that it cannot is only logged. */
export async function removeFolder(path: string, log: Log): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    log.warn({ err: error, path }, "could not remove a temporary folder");
  }
}

/** The word in the command line of a process that makes it a worker. */
export const workerEntry = Bun.isStandaloneExecutable ? workerWord : join(import.meta.dir, "worker.ts");

/** The executable was built not to install, and finds no `.env` in the folder of a worker. */
const workerOptions = Bun.isStandaloneExecutable ? [] : ["--no-env-file", "--no-install"];

/** How long is waited for what a process that is gone had still to say. */
const lastWordsMs = 300;
const unkillableMs = 2_000;

interface Hearing {
  readonly ipc: (message: unknown) => void;
  readonly onDisconnect: () => void;
  readonly onExit: () => void;
}

function spawn({ env, trees }: ChildSettings, cwd: string, place: Place, hearing: Hearing) {
  return Bun.spawn([process.execPath, ...workerOptions, workerEntry, String(process.pid), trees], {
    cwd,
    env,
    ...place,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    // A process group of its own, so that what it started can be killed with it.
    detached: true,
    serialization: "json",
    ...hearing,
  });
}

function killGroup(pid: number, log: Log): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    const isGone = error instanceof Error && "code" in error && error.code === "ESRCH";
    if (!isGone) log.error({ err: error, pid }, "could not kill a worker");
  }
}
