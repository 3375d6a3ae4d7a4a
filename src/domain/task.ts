import type { Traceparent } from "./traceparent.ts";

/** The lowest number is served first. */
export const priorities = { critical: 0, high: 1, normal: 2, low: 3 } as const;

export type PriorityName = keyof typeof priorities;
export type Priority = (typeof priorities)[PriorityName];

export const statuses = ["pending", "queued", "running", "retrying", "completed", "failed", "cancelled"] as const;
export type Status = (typeof statuses)[number];

export const finalStatuses = ["completed", "failed", "cancelled"] as const satisfies readonly Status[];

/** Why an attempt did not complete. `interrupted` is never a task's last word: the attempt is given back. */
export const errorKinds = [
  "handler",
  "permanent",
  "timeout",
  "memory",
  "crashed",
  "invalid_result",
  "load_error",
  "interrupted",
] as const;
export type ErrorKind = (typeof errorKinds)[number];

/** JSON text: kept as text from the store to the wire, so that a large value is parsed only by who needs it. */
export type JsonText = string & { readonly json: unique symbol };

/** `value` as JSON text. `value` must have come out of `JSON.parse`, or be as plain as if it had. */
export function jsonText(value: unknown): JsonText {
  return JSON.stringify(value) as JsonText;
}

export interface Progress {
  /** 0 to 1. */
  readonly fraction: number;
  readonly message: string | null;
}

/** One submission of work to a handler. Times are milliseconds since the epoch. */
export interface Task {
  readonly id: string;
  readonly funcName: string;
  /** A JSON array. */
  readonly args: JsonText;
  /** A JSON object. */
  readonly kwargs: JsonText;
  readonly status: Status;
  readonly priority: Priority;
  readonly createdAt: number;
  /** When it is due: at first as submitted, later the end of the backoff. */
  readonly runAt: number;
  /** Start of the latest attempt. */
  readonly startedAt: number | null;
  /** When it became final. */
  readonly completedAt: number | null;
  readonly result: JsonText | null;
  /** `"Name: message"` of the last attempt that went wrong. */
  readonly error: string | null;
  readonly errorKind: ErrorKind | null;
  /** Claims so far. Each adds one and none takes it back, so it is also the lease: no two attempts share one. */
  readonly attempt: number;
  /** Retries used; never above `maxRetries`. */
  readonly retryCount: number;
  readonly maxRetries: number;
  readonly timeoutMs: number;
  /** Attempts in a row in which the handler took its worker down. */
  readonly crashes: number;
  /** Someone asked to cancel it while it ran: it must not run again. */
  readonly cancelRequested: boolean;
  readonly progress: Progress | null;
  readonly periodicTask: string | null;
  /** The nominal time of the firing that created it. */
  readonly scheduledFor: number | null;
  /** The nominal time of the firing before. */
  readonly lastRunAt: number | null;
  /** Where in whose trace it was submitted. */
  readonly traceparent: Traceparent | null;
}

export function isFinal(status: Status): status is (typeof finalStatuses)[number] {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** How one attempt ended, in the history of its task. */
export const attemptOutcomes = ["completed", "failed", "timed_out", "cancelled", "interrupted"] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** One line of a task's history. `outcome` and `endedAt` are null while it runs. */
export interface Attempt {
  /** The lease: from 1, in the order of the claims. A claim that started nothing leaves a gap. */
  readonly number: number;
  readonly worker: string | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly outcome: AttemptOutcome | null;
  readonly errorKind: ErrorKind | null;
  readonly error: string | null;
  /** The handler's own stack, with paths relative to the tasks folder. */
  readonly stack: string | null;
}

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** One line that a handler logged or printed. */
export interface LogLine {
  readonly at: number;
  readonly attempt: number;
  readonly level: LogLevel;
  readonly message: string;
}
