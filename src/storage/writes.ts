/** The verbs of the hot path. Each function prepares its statements and returns what runs them inside a transaction. */

import type { Database } from "bun:sqlite";
import { type Attempt, isFinal, type Task } from "../domain/task.ts";
import type { Settlement } from "../domain/transition.ts";
import type { Counters } from "./counters.ts";
import { insertTasksSql, type TaskRow, taskColumns, taskFromRow, taskValues, wholeMs } from "./rows.ts";
import type { AttemptReport, ClaimLimits } from "./store.ts";

/** Rows of a batch that go into one statement: most of what one costs is its own, up to about here. */
const rowsAtOnce = 10;

export function prepareInsert(db: Database, counters: Counters) {
  const insertOne = db.prepare<null, (string | number | null)[]>(insertTasksSql(1));
  const insertTen = db.prepare<null, (string | number | null)[]>(insertTasksSql(rowsAtOnce));

  function insertRows(tasks: readonly Task[]): void {
    let inserted = 0;
    for (; tasks.length - inserted >= rowsAtOnce; inserted += rowsAtOnce) {
      insertTen.run(...tasks.slice(inserted, inserted + rowsAtOnce).flatMap(taskValues));
    }
    for (const task of tasks.slice(inserted)) insertOne.run(...taskValues(task));
  }

  return (tasks: readonly Task[], maxWaiting: number): boolean => {
    const arriving = tasks.filter(({ status }) => status !== "running" && !isFinal(status)).length;
    if (counters.waiting() + arriving > maxWaiting) return false;
    insertRows(tasks);
    for (const { status } of tasks) counters.add(status, 1);
    counters.add("enqueued", tasks.length);
    return true;
  };
}

export function prepareClaim(db: Database, counters: Counters) {
  const nextReady = db.prepare<TaskRow, [limit: number]>(
    // Left to itself SQLite takes the index of the status, and sorts all that is queued for each claim.
    `SELECT ${taskColumns} FROM tasks INDEXED BY tasks_ready
     WHERE status = 'queued' ORDER BY priority, run_at, seq LIMIT ?`,
  );
  const start = db.prepare<null, [now: number, seq: number]>(
    `UPDATE tasks
     SET status = 'running', started_at = ?, attempt = attempt + 1, progress_fraction = NULL, progress_message = NULL
     WHERE seq = ?`,
  );

  /** The rows to claim, read before any is changed: the change takes them out of the index that is read. */
  function next({ free, ahead, quick }: ClaimLimits): readonly TaskRow[] {
    const limit = free + ahead;
    // To SQLite a negative limit is no limit.
    if (limit <= 0) return [];
    if (ahead === 0) return nextReady.all(limit);
    const rows: TaskRow[] = [];
    let isAllQuick = true;
    for (const row of nextReady.iterate(limit)) {
      isAllQuick &&= quick.has(row.func_name);
      if (rows.length >= free && !isAllQuick) break;
      rows.push(row);
    }
    return rows;
  }

  return (limits: ClaimLimits, now: number): readonly Task[] =>
    next(limits).map((row) => {
      start.run(now, row.seq);
      counters.move("queued", "running");
      counters.add("dequeued", 1);
      row.status = "running";
      row.started_at = now;
      row.attempt += 1;
      row.progress_fraction = null;
      row.progress_message = null;
      return taskFromRow(row);
    });
}

export function prepareSettle(db: Database, counters: Counters) {
  const settleTask = db.prepare<null, (string | number | null)[]>(
    `UPDATE tasks
     SET status = ?, run_at = ?, completed_at = ?, result = ?, error = ?, error_kind = ?, retry_count = ?, crashes = ?,
       started_at = coalesce(?, started_at)
     WHERE id = ? AND status = 'running' AND attempt = ?`,
  );
  const insertAttempt = db.prepare<null, (string | number | null)[]>(
    `INSERT INTO attempts (task_seq, number, worker, started_at, ended_at, outcome, error_kind, error, stack)
     SELECT seq, ?, ?, ?, ?, ?, ?, ?, ? FROM tasks WHERE id = ?`,
  );

  function record(taskId: string, attempt: Attempt): void {
    const { number, worker, startedAt, endedAt, outcome, errorKind, error, stack } = attempt;
    insertAttempt.run(number, worker, startedAt, endedAt, outcome, errorKind, error, stack, taskId);
  }

  return (taskId: string, lease: number, settlement: Settlement): boolean => {
    const { status, runAt, completedAt, result, error, errorKind, retryCount, crashes, attempt } = settlement;
    const { changes } = settleTask.run(
      status,
      wholeMs(runAt),
      completedAt,
      result,
      error,
      errorKind,
      retryCount,
      crashes,
      // It may have begun some time after its claim.
      attempt?.startedAt ?? null,
      taskId,
      lease,
    );
    if (changes === 0) return false;
    counters.move("running", status);
    if (attempt !== null) record(taskId, attempt);
    return true;
  };
}

export function prepareReport(db: Database) {
  const setProgress = db.prepare<null, [fraction: number, message: string | null, taskId: string, lease: number]>(
    `UPDATE tasks SET progress_fraction = ?, progress_message = ? WHERE id = ? AND status = 'running' AND attempt = ?`,
  );
  const insertLine = db.prepare<null, [attempt: number, at: number, level: string, message: string, taskId: string]>(
    `INSERT INTO logs (task_seq, attempt, at, level, message) SELECT seq, ?, ?, ?, ? FROM tasks WHERE id = ?`,
  );

  return (reports: readonly AttemptReport[]): void => {
    for (const { taskId, attempt, progress, lines } of reports) {
      if (progress !== null) setProgress.run(progress.fraction, progress.message, taskId, attempt);
      for (const line of lines) insertLine.run(line.attempt, line.at, line.level, line.message, taskId);
    }
  };
}
