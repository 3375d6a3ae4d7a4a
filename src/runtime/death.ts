import type { Outcome } from "../domain/transition.ts";
import type { Exit } from "./child.ts";

/** Why a worker ends. */
export type Cause =
  /** The server wants it to, and no attempt is to blame. */
  | { readonly kind: "ordered"; readonly reason: string }
  | { readonly kind: "memory"; readonly usedBytes: number; readonly limitBytes: number }
  /** What it ran brought it down. */
  | { readonly kind: "fault"; readonly reason: string };

/** How a worker ended. */
export interface Death {
  readonly cause: Cause;
  /** The last of what it wrote to stderr. */
  readonly stderr: string;
}

/** An attempt's part in the death of its worker. Of several suspects nobody knows which one it was. */
export type Part = "culprit" | "suspect" | "innocent";

/** The cause when a process exits without having been told to. */
export function exitCause({ code, signal, cutOff, memoryDeath }: Exit): Cause {
  if (memoryDeath?.kind === "memory") return memoryDeath;
  if (memoryDeath?.kind === "shortage")
    return { kind: "fault", reason: "the system had no memory left for the worker" };
  if (cutOff) return { kind: "fault", reason: "the worker closed its channel to the server" };
  const how = signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
  return { kind: "fault", reason: `the worker ${how}` };
}

/** How an attempt ends whose worker died under it. */
export function outcomeOfDeath(cause: Cause, part: Part): Outcome {
  const reason = sentenceOf(cause);
  if (cause.kind === "ordered") return { kind: "interrupted", reason, workerDied: false };
  if (part !== "culprit") return { kind: "interrupted", reason, workerDied: part === "suspect" };
  if (cause.kind === "memory") {
    return { kind: "failed", errorKind: "memory", error: `MemoryLimitError: ${reason}`, stack: null };
  }
  const error = `WorkerCrashError: ${reason} while it ran this task`;
  return { kind: "failed", errorKind: "crashed", error, stack: null };
}

/** `cause` in words. */
export function sentenceOf(cause: Cause): string {
  switch (cause.kind) {
    case "ordered":
    case "fault":
      return cause.reason;
    case "memory":
      return `the worker used ${megabytes(cause.usedBytes)}, more than its ${megabytes(cause.limitBytes)}`;
    default:
      return cause satisfies never;
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MB`;
}
