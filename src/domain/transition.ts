import { longestSeconds } from "./handler.ts";
import { type Backoff, backoffMs } from "./retry.ts";
import type { Attempt, AttemptOutcome, ErrorKind, JsonText, Status, Task } from "./task.ts";

/** How an attempt ended, as whoever ran it reports it. */
export type Outcome =
  | { readonly kind: "completed"; readonly result: JsonText | null }
  | {
      readonly kind: "failed";
      readonly errorKind: "handler" | "permanent" | "invalid_result" | "load_error" | "memory" | "crashed";
      readonly error: string;
      readonly stack: string | null;
      /** Wait this long instead of the backoff. */
      readonly retryAfterMs?: number;
    }
  | { readonly kind: "timed_out" }
  | { readonly kind: "cancelled" }
  /** Not the task's doing: the attempt is given back. `workerDied` when it may have been after all. */
  | { readonly kind: "interrupted"; readonly reason: string; readonly workerDied: boolean };

/** What is written when an attempt ends: the task's next state and the attempt's line in the history. */
export interface Settlement {
  readonly status: Status;
  readonly runAt: number;
  readonly completedAt: number | null;
  readonly result: JsonText | null;
  readonly error: string | null;
  readonly errorKind: ErrorKind | null;
  readonly retryCount: number;
  readonly crashes: number;
  /** Null when nothing was started: the claim leaves no line in the history. */
  readonly attempt: Attempt | null;
}

/** Attempts running in which a handler may take its worker down before the task fails for good. */
export const maxCrashes = 3;

const moves: Readonly<Record<Status, readonly Status[]>> = {
  pending: ["queued", "cancelled"],
  queued: ["running", "cancelled"],
  running: ["completed", "failed", "cancelled", "retrying", "queued", "pending"],
  retrying: ["queued", "cancelled"],
  completed: [],
  failed: [],
  cancelled: [],
};

/** Whether a task may move from one status to the other. Final ones lead nowhere. */
export function isLegalMove(from: Status, to: Status): boolean {
  return moves[from].includes(to);
}

export interface SettleOptions {
  readonly now: number;
  readonly worker: string | null;
  readonly backoff: Backoff;
  /** In [0, 1), for the jitter. */
  readonly random: number;
}

/** What becomes of `task`, which runs, when its attempt ends with `outcome`. */
export function settle(task: Task, outcome: Outcome, options: SettleOptions): Settlement {
  if (outcome.kind === "completed") return ending(task, "completed", outcome, options);
  if (outcome.kind === "cancelled" || task.cancelRequested) return ending(task, "cancelled", outcome, options);
  const { errorKind } = fault(task, outcome);
  const crashes = crashesAfter(task, outcome);
  if (crashes >= maxCrashes) return ending(task, "failed", outcome, options);
  if (outcome.kind === "interrupted") {
    return { ...unfinished(task, outcome, options), status: "queued", runAt: task.runAt };
  }
  if (errorKind === "permanent" || errorKind === "load_error" || task.retryCount >= task.maxRetries)
    return ending(task, "failed", outcome, options);

  const retryCount = task.retryCount + 1;
  const given = outcome.kind === "failed" ? outcome.retryAfterMs : undefined;
  const waitMs = given ?? backoffMs(retryCount, options.backoff, options.random);
  const runAt = options.now + Math.min(Math.ceil(waitMs), longestSeconds * 1_000);
  return { ...unfinished(task, outcome, options), status: "retrying", runAt, retryCount };
}

/** Undoes the claim of a task whose handler is not loaded; it is due again at `runAt`. */
export function postpone(task: Task, runAt: number): Settlement {
  const { error, errorKind, retryCount, crashes } = task;
  return {
    status: "pending",
    runAt,
    completedAt: null,
    result: null,
    error,
    errorKind,
    retryCount,
    crashes,
    attempt: null,
  };
}

/** Undoes the claim of a task that never began: it waits as before. */
export function unclaim(task: Task): Settlement {
  return { ...postpone(task, task.runAt), status: "queued" };
}

/** `task` once `settlement` was written. */
export function applySettlement(task: Task, { attempt: _line, ...changes }: Settlement): Task {
  return { ...task, ...changes };
}

function ending(
  task: Task,
  status: "completed" | "failed" | "cancelled",
  outcome: Outcome,
  options: SettleOptions,
): Settlement {
  const base = { ...unfinished(task, outcome, options), status, completedAt: options.now };
  if (outcome.kind === "completed") return { ...base, result: outcome.result };
  if (outcome.kind !== "interrupted") return base;
  if (status !== "failed") return { ...base, error: null, errorKind: null };
  const error = `WorkerCrashError: The worker died in ${maxCrashes} attempts of this task running`;
  return { ...base, error, errorKind: "crashed" };
}

function unfinished(task: Task, outcome: Outcome, { now, worker }: SettleOptions): Settlement {
  const { error, errorKind, stack } = fault(task, outcome);
  const attempt: Attempt = {
    number: task.attempt,
    worker,
    startedAt: task.startedAt ?? now,
    endedAt: now,
    outcome: attemptOutcome(outcome),
    errorKind,
    error,
    stack,
  };
  return {
    status: task.status,
    runAt: task.runAt,
    completedAt: null,
    result: null,
    error,
    errorKind,
    retryCount: task.retryCount,
    crashes: crashesAfter(task, outcome),
    attempt,
  };
}

function attemptOutcome(outcome: Outcome): AttemptOutcome {
  return outcome.kind;
}

function crashesAfter(task: Task, outcome: Outcome): number {
  const crashed =
    outcome.kind === "interrupted" ? outcome.workerDied : outcome.kind === "failed" && outcome.errorKind === "crashed";
  if (crashed) return task.crashes + 1;
  return outcome.kind === "interrupted" ? task.crashes : 0;
}

interface Failure {
  readonly error: string | null;
  readonly errorKind: ErrorKind | null;
  readonly stack: string | null;
}

function fault(task: Task, outcome: Outcome): Failure {
  switch (outcome.kind) {
    case "completed":
    case "cancelled":
      return { error: null, errorKind: null, stack: null };
    case "timed_out": {
      const error = `TimeoutError: Task exceeded its timeout of ${task.timeoutMs / 1000}s`;
      return { error, errorKind: "timeout", stack: null };
    }
    case "interrupted":
      return { error: `InterruptedError: ${outcome.reason}`, errorKind: "interrupted", stack: null };
    case "failed":
      return outcome;
    default:
      return outcome satisfies never;
  }
}
