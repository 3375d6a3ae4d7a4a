/**
 * Every way a request can be refused. The codes are part of the wire contract; `http/problem.ts` gives each its status.
 */
export const errorCodes = [
  "invalid_json",
  "invalid_cron",
  "validation_failed",
  "unauthorized",
  "forbidden",
  "too_many_wrong_keys",
  "not_found",
  "unknown_task",
  "unknown_handler",
  "unknown_periodic_task",
  "method_not_allowed",
  "task_final",
  "task_not_retryable",
  "periodic_task_declared",
  "body_too_large",
  "unsupported_media_type",
  "upgrade_required",
  "queue_full",
  "handler_load_error",
  "store_unavailable",
  "internal",
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** One fault of an input. `path` is a JSON Pointer into what was sent, `""` for the whole of it. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

export interface ErrorDetails extends ErrorOptions {
  readonly faults?: readonly Fault[];
  /** Seconds after which the same request may succeed. */
  readonly retryAfter?: number;
}

/** A refusal with a sentence for a person (`message`) and a stable code for a program. */
export class TaskflowError extends Error {
  override readonly name = "TaskflowError";
  readonly code: ErrorCode;
  readonly faults: readonly Fault[];
  readonly retryAfter: number | null;

  constructor(code: ErrorCode, message: string, { faults = [], retryAfter, ...options }: ErrorDetails = {}) {
    super(message, options);
    this.code = code;
    this.faults = faults;
    this.retryAfter = retryAfter ?? null;
  }
}

/** Faults that one refusal lists: who sent a hundred thousand knows by then. */
const mostFaults = 100;

/** A 422 that lists the faults, and of very many the first hundred; the sentence names the first. */
export function validationFailed(faults: readonly Fault[]): TaskflowError {
  const [first, ...others] = faults;
  const where = first?.path ? `${first.path}: ` : "";
  const more = others.length > 0 ? ` (and ${others.length} more)` : "";
  return new TaskflowError("validation_failed", `${where}${first?.message ?? "invalid input"}${more}`, {
    faults: faults.slice(0, mostFaults),
  });
}

export function unknownTask(taskId: string): TaskflowError {
  return new TaskflowError("unknown_task", `There is no task '${taskId.slice(0, 100)}'.`);
}

export function unknownPeriodicTask(name: string): TaskflowError {
  return new TaskflowError("unknown_periodic_task", `There is no periodic task '${name.slice(0, 100)}'.`);
}

/** Whether the store refused for now: the same write may go through later. */
export function isStoreUnavailable(error: unknown): error is TaskflowError {
  return error instanceof TaskflowError && error.code === "store_unavailable";
}
