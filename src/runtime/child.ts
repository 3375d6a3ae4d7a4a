import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../domain/log.ts";
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
  readonly clock: Clock;
  readonly log: Log;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
  /** It closed its channel and lived on, so that it had to be killed. */
  readonly cutOff: boolean;
  /** The last of what it wrote to stderr. */
  readonly stderr: string;
}

/** A child process that runs handler code, as the server holds it. */
export interface Child {
  readonly pid: number;
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
  const { clock, env, log, scratchDir, trees } = settings;
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
  const child = Bun.spawn(
    [process.execPath, "--no-env-file", "--no-install", workerEntry, String(process.pid), trees],
    {
      cwd,
      env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      // A process group of its own, so that what it started can be killed with it.
      detached: true,
      serialization: "json",
      ipc: (message: unknown) => events.received(isChildMessage(message) ? message : null),
      onDisconnect: () => close(disconnected),
      onExit: () => close(gone),
    },
  );
  const stderr = new Tail(child.stderr, clock, log);
  const kill = () => {
    killGroup(child.pid, log);
    // One that hangs in the kernel is not waited for.
    clock.after(unkillableMs, gone.resolve);
  };

  async function end(): Promise<Exit> {
    await gone.promise;
    killGroup(child.pid, log);
    stderr.hurry();
    await within(clock, lastWordsMs, Promise.all([disconnected.promise, stderr.closed]));
    // A folder that is large enough to take its time must not hold the attempts back.
    await within(clock, lastWordsMs, removeFolder(cwd, log));
    const signal = child.signalCode === null ? null : String(child.signalCode);
    return { code: child.exitCode, signal, cutOff, stderr: stderr.text };
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

/** What a worker process runs. */
export const workerEntry = join(import.meta.dir, "worker.ts");

/** How long is waited for what a process that is gone had still to say. */
const lastWordsMs = 300;
const unkillableMs = 2_000;

function killGroup(pid: number, log: Log): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    const isGone = error instanceof Error && "code" in error && error.code === "ESRCH";
    if (!isGone) log.error({ err: error, pid }, "could not kill a worker");
  }
}
