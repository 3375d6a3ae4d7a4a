/** The reads. Each function prepares its statements and returns what runs them. */

import type { Database } from "bun:sqlite";
import { validationFailed } from "../domain/error.ts";
import { type Attempt, type LogLine, type Status, statuses, type Task } from "../domain/task.ts";
import { type TaskRow, taskColumns, taskFromRow } from "./rows.ts";
import type { ListFilter, TaskPage } from "./store.ts";

/** A page ends early above this many characters, so that a thousand tasks of a megabyte do not fill the memory. */
const pageCharacters = 16 * 1024 * 1024;

/** The handlers that there are tasks of, and a null: each is found by one step in the index. */
const names = `names (name) AS (
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

export function prepareList(db: Database) {
  const all = db.prepare<TaskRow, [before: number, limit: number]>(
    `SELECT ${taskColumns} FROM tasks WHERE seq < ? ORDER BY seq DESC LIMIT ?`,
  );
  // The index holds one run per handler. The recursion takes the newest of what it holds and puts in what lies below that in
  // its run: it merges them, and looks at no more tasks than it gives. A CROSS JOIN keeps the order of its left side.
  const byStatus = db.prepare<TaskRow, [status: Status, before: number, limit: number]>(
    `WITH RECURSIVE ${names}, merged (name, newest) AS (
       SELECT name, ${newestBelow("?2")} FROM names WHERE name IS NOT NULL
       UNION ALL
       SELECT name, ${newestBelow("newest")} FROM merged WHERE newest IS NOT NULL
       ORDER BY 2 DESC LIMIT ?3
     )
     SELECT ${taskColumns} FROM merged CROSS JOIN tasks ON seq = newest`,
  );
  const byBoth = db.prepare<TaskRow, [funcName: string, status: Status, before: number, limit: number]>(
    `SELECT ${taskColumns} FROM tasks WHERE func_name = ? AND status = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
  );
  // The index holds one run per status, each in order of seq: SQLite merges them, without a sort.
  const ofFunc = statuses.map(
    (status) => `SELECT ${taskColumns} FROM tasks WHERE func_name = ?1 AND status = '${status}' AND seq < ?2`,
  );
  const byFunc = db.prepare<TaskRow, [funcName: string, before: number, limit: number]>(
    `${ofFunc.join(" UNION ALL ")} ORDER BY seq DESC LIMIT ?3`,
  );

  function rows({ status, funcName }: ListFilter, before: number, limit: number): Iterable<TaskRow> {
    if (status !== undefined && funcName !== undefined) return byBoth.iterate(funcName, status, before, limit);
    if (status !== undefined) return byStatus.iterate(status, before, limit);
    if (funcName !== undefined) return byFunc.iterate(funcName, before, limit);
    return all.iterate(before, limit);
  }

  return (filter: ListFilter): TaskPage => {
    const before = filter.cursor === undefined ? Number.MAX_SAFE_INTEGER : seqOf(filter.cursor);
    return page(rows(filter, before, filter.limit + 1), filter.limit);
  };
}

/** The handlers that there are tasks of. */
export function prepareFuncNames(db: Database) {
  const all = db.prepare<{ name: string }, []>(`WITH RECURSIVE ${names} SELECT name FROM names WHERE name IS NOT NULL`);
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

/** The newest task of one handler, in the status that is the first parameter. */
function newestBelow(seq: string): string {
  return `(SELECT max(seq) FROM tasks WHERE func_name = name AND status = ?1 AND seq < ${seq})`;
}

function page(rows: Iterable<TaskRow>, limit: number): TaskPage {
  const tasks: Task[] = [];
  let characters = 0;
  let last = 0;
  for (const row of rows) {
    if (tasks.length === limit || characters > pageCharacters) return { tasks, next: last.toString(36) };
    tasks.push(taskFromRow(row));
    characters += row.args.length + row.kwargs.length + (row.result?.length ?? 0) + (row.error?.length ?? 0);
    last = row.seq;
  }
  return { tasks, next: null };
}

function seqOf(cursor: string): number {
  const seq = Number.parseInt(cursor, 36);
  if (Number.isSafeInteger(seq) && seq > 0 && seq.toString(36) === cursor) return seq;
  throw validationFailed([{ path: "/cursor", message: "is not where a page ended: take it from the page before" }]);
}
