/** The reads. Each function prepares its statements and returns what runs them. */

import type { Database } from "bun:sqlite";
import type { Attempt, LogLine, Task } from "../domain/task.ts";
import { type TaskRow, taskColumns, taskFromRow } from "./rows.ts";
import type { FailedTask } from "./store.ts";

/** A table `names` of the handlers that there are tasks of, and a null: each is found by one step in the index. */
export const funcNames = `names (name) AS (
  SELECT min(func_name) FROM tasks
  UNION ALL
  SELECT (SELECT min(func_name) FROM tasks WHERE func_name > name) FROM names WHERE name IS NOT NULL
)`;

export function prepareFind(db: Database) {
  const find = db.prepare<TaskRow, [taskId: string]>(`SELECT ${taskColumns} FROM tasks WHERE id = ?`);
  return (taskId: string): Task | null => {
    const row = find.get(taskId);
    return row === null ? null : taskFromRow(row);
  };
}

/** The handlers that there are tasks of. */
export function prepareFuncNames(db: Database) {
  const all = db.prepare<{ name: string }, []>(
    `WITH RECURSIVE ${funcNames} SELECT name FROM names WHERE name IS NOT NULL`,
  );
  return (): readonly string[] => all.all().map(({ name }) => name);
}

export function prepareAttempts(db: Database) {
  const attempts = db.prepare<Attempt, [taskId: string]>(
    `SELECT number, worker, started_at AS startedAt, ended_at AS endedAt, outcome, error_kind AS errorKind, error, stack
     FROM attempts WHERE task_seq = (SELECT seq FROM tasks WHERE id = ?) ORDER BY number`,
  );
  return (taskId: string): readonly Attempt[] => attempts.all(taskId);
}

export function prepareLogs(db: Database) {
  const logs = db.prepare<LogLine, [taskId: string]>(
    `SELECT at, attempt, level, message
     FROM logs WHERE task_seq = (SELECT seq FROM tasks WHERE id = ?) ORDER BY id`,
  );
  return (taskId: string): readonly LogLine[] => logs.all(taskId);
}

export function prepareNextDue(db: Database) {
  const nextDue = db.prepare<{ run_at: number }, []>(
    `SELECT run_at FROM tasks INDEXED BY tasks_due
     WHERE status IN ('pending', 'retrying') ORDER BY run_at LIMIT 1`,
  );
  return (): number | null => nextDue.get()?.run_at ?? null;
}

export function prepareFailures(db: Database) {
  const failures = db.prepare<FailedTask, [since: number, limit: number]>(
    `SELECT id, func_name AS funcName, substr(error, 1, 1000) AS error, error_kind AS errorKind, completed_at AS failedAt
     FROM tasks INDEXED BY tasks_ended
     WHERE status = 'failed' AND completed_at IS NOT NULL AND completed_at >= ? ORDER BY completed_at DESC, seq DESC LIMIT ?`,
  );
  return (since: number, limit: number): readonly FailedTask[] => failures.all(since, limit);
}

export function prepareAhead(db: Database) {
  const place = db.prepare<{ seq: number; priority: number; run_at: number }, [taskId: string]>(
    "SELECT seq, priority, run_at FROM tasks WHERE id = ? AND status = 'queued'",
  );
  // Each part is one range of the index, so that no more is read than counted.
  const before = ["priority < ?1", "priority = ?1 AND run_at < ?2", "priority = ?1 AND run_at = ?2 AND seq < ?3"].map(
    (first) => `SELECT 1 FROM tasks INDEXED BY tasks_ready WHERE status = 'queued' AND ${first}`,
  );
  const count = db.prepare<{ n: number }, [priority: number, runAt: number, seq: number, limit: number]>(
    `SELECT count(*) AS n FROM (${before.join(" UNION ALL ")} LIMIT ?4)`,
  );
  return (taskId: string, limit: number): number => {
    const own = place.get(taskId);
    return own === null ? 0 : (count.get(own.priority, own.run_at, own.seq, limit)?.n ?? 0);
  };
}
