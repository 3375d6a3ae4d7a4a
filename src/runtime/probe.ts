import { type ChildSettings, startChild } from "./child.ts";
import { type Cause, exitCause, sentenceOf } from "./death.ts";
import { memoryIntervalMs, residentBytes } from "./memory.ts";
import type { ChildMessage, HandlerFile, LoadReport } from "./protocol.ts";
import { Deadline, every } from "./timing.ts";

export interface ProbeSettings extends ChildSettings {
  /** How long one file may take to load. */
  readonly loadDeadlineMs: number;
  readonly memoryBytes: number;
  /** Ends it early; what was not loaded by then has no report. */
  readonly signal: AbortSignal;
}

/** Loads the files in a process of their own, one after the other, and says of each what came of it, in their order. */
export async function probe(handlers: readonly HandlerFile[], settings: ProbeSettings): Promise<readonly LoadReport[]> {
  const reports: LoadReport[] = [];
  for (let round = 1; reports.length < handlers.length; round++) {
    const left = handlers.slice(reports.length);
    const { loaded, fault } = await probeOnce(`probe${round}`, left, settings);
    reports.push(...loaded);
    const stuck = left[loaded.length];
    if (stuck === undefined || fault === null) break;
    // What an earlier file left running may have ended the process: only the first of a fresh one is surely to blame.
    if (loaded.length > 0 && !fault.isSure) continue;
    const error = { message: fault.message, file: stuck.file, line: null, column: null };
    reports.push({ status: "load_error", error });
  }
  return reports;
}

interface Fault {
  readonly message: string;
  /** Whether it is that of the file that was being loaded, whatever was loaded before. */
  readonly isSure: boolean;
}

interface Round {
  /** Of the first files; when there is a fault, the next one did not load. */
  readonly loaded: readonly LoadReport[];
  readonly fault: Fault | null;
}

async function probeOnce(name: string, handlers: readonly HandlerFile[], settings: ProbeSettings): Promise<Round> {
  const { clock, loadDeadlineMs, log, memoryBytes, signal } = settings;
  const loaded: LoadReport[] = [];
  const over = Promise.withResolvers<Fault | null>();
  const deadline = new Deadline(clock, loadDeadlineMs, () => {
    const message = `it did not load within ${loadDeadlineMs / 1000}s: does its top level wait, or loop?`;
    over.resolve({ message, isSure: true });
  });

  function receive(message: ChildMessage | null): void {
    if (message?.type === "loaded" && message.index === loaded.length) {
      loaded.push(message.report);
      deadline.restart();
    } else if (message?.type === "ready") over.resolve(null);
    else if (message?.type === "uncaught") {
      log.warn({ error: message.error, stack: message.stack }, "an error that no code caught, while handlers loaded");
    } else if (message?.type !== "exiting") {
      over.resolve({ message: "it meddles with the worker's own messages", isSure: false });
    }
  }

  const giveUp = () => over.resolve(null);
  signal.addEventListener("abort", giveUp);
  if (signal.aborted) giveUp();
  const child = startChild(name, settings, { received: receive, closed: () => undefined });
  child.send({ type: "load", handlers, concurrency: 0, cells: null });
  const cancelWatch = every(clock, memoryIntervalMs, () => {
    const cause = { kind: "memory", usedBytes: residentBytes(child.pid) ?? 0, limitBytes: memoryBytes } as const;
    if (cause.usedBytes <= memoryBytes) return;
    over.resolve({ message: messageOf(cause), isSure: false });
  });
  void child.ended.then((exit) => over.resolve({ message: messageOf(exitCause(exit)), isSure: false }));
  const fault = await over.promise;
  signal.removeEventListener("abort", giveUp);
  deadline.cancel();
  cancelWatch();
  child.kill();
  await child.ended;
  return { loaded, fault };
}

function messageOf(cause: Cause): string {
  const what = cause.kind === "memory" ? "it takes too much memory to load" : "it ends the process";
  return `${what}: ${sentenceOf(cause)}`;
}
