import type { ErrorKind, JsonText, Priority, Status, Task } from "../domain/task.ts";

/** A task as SQLite keeps it. A statement that changes it brings the row up to date before it is mapped. */
export interface TaskRow {
  readonly seq: number;
  readonly id: string;
  readonly func_name: string;
  readonly args: JsonText;
  readonly kwargs: JsonText;
  status: Status;
  readonly priority: Priority;
  readonly created_at: number;
  readonly run_at: number;
  started_at: number | null;
  completed_at: number | null;
  readonly result: JsonText | null;
  readonly error: string | null;
  readonly error_kind: ErrorKind | null;
  attempt: number;
  readonly retry_count: number;
  readonly max_retries: number;
  readonly timeout_ms: number;
  readonly crashes: number;
  cancel_requested: number;
  progress_fraction: number | null;
  progress_message: string | null;
  readonly periodic_task: string | null;
  readonly scheduled_for: number | null;
  readonly last_run_at: number | null;
  readonly traceparent: string | null;
}

const insertedColumns = `
  id, func_name, args, kwargs, status, priority, created_at, run_at, started_at, completed_at, result, error, error_kind,
  attempt, retry_count, max_retries, timeout_ms, crashes, cancel_requested, progress_fraction, progress_message,
  periodic_task, scheduled_for, last_run_at, traceparent`;

/** The columns of a TaskRow. */
export const taskColumns = `seq,${insertedColumns}`;

export function taskFromRow(row: TaskRow): Task {
  return {
    id: row.id,
    funcName: row.func_name,
    args: row.args,
    kwargs: row.kwargs,
    status: row.status,
    priority: row.priority,
    createdAt: row.created_at,
    runAt: row.run_at,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    result: row.result,
    error: row.error,
    errorKind: row.error_kind,
    attempt: row.attempt,
    retryCount: row.retry_count,
    maxRetries: row.max_retries,
    timeoutMs: row.timeout_ms,
    crashes: row.crashes,
    cancelRequested: row.cancel_requested === 1,
    progress:
      row.progress_fraction === null ? null : { fraction: row.progress_fraction, message: row.progress_message },
    periodicTask: row.periodic_task,
    scheduledFor: row.scheduled_for,
    lastRunAt: row.last_run_at,
    traceparent: row.traceparent,
  };
}

/** Inserts so many tasks; takes what `taskValues` gives for each, one after the other. */
export function insertTasksSql(tasks: number): string {
  const row = `(${Array(25).fill("?").join(", ")})`;
  return `INSERT INTO tasks (${insertedColumns}) VALUES ${Array(tasks).fill(row).join(", ")}`;
}

export function taskValues(task: Task) {
  return [
    task.id,
    task.funcName,
    task.args,
    task.kwargs,
    task.status,
    task.priority,
    task.createdAt,
    wholeMs(task.runAt),
    task.startedAt,
    task.completedAt,
    task.result,
    task.error,
    task.errorKind,
    task.attempt,
    task.retryCount,
    task.maxRetries,
    task.timeoutMs,
    task.crashes,
    task.cancelRequested ? 1 : 0,
    task.progress?.fraction ?? null,
    task.progress?.message ?? null,
    task.periodicTask,
    task.scheduledFor,
    task.lastRunAt,
    task.traceparent,
  ] satisfies (string | number | null)[];
}

/** Times are kept in whole milliseconds; a delay may have a fraction. Rounded up, so that nothing is due early. */
export function wholeMs(time: number): number {
  return Math.ceil(time);
}
