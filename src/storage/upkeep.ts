/** The writes beside the hot path. Each function prepares its statements and returns what runs them inside a transaction. */

import type { Database } from "bun:sqlite";
import { isFinal, type Status, type Task } from "../domain/task.ts";
import { applySettlement, type Settlement } from "../domain/transition.ts";
import type { Counters } from "./counters.ts";
import { prepareFuncNames } from "./reads.ts";
import { type TaskRow, taskColumns, taskFromRow } from "./rows.ts";
import type { Cancellation, RetentionCutoffs } from "./store.ts";

export function preparePromote(db: Database, counters: Counters) {
  const nextDue = db.prepare<TaskRow, [now: number, limit: number]>(
    `SELECT ${taskColumns} FROM tasks INDEXED BY tasks_due
     WHERE status IN ('pending', 'retrying') AND run_at <= ? ORDER BY run_at, seq LIMIT ?`,
  );
  const enqueue = db.prepare<null, [seq: number]>("UPDATE tasks SET status = 'queued' WHERE seq = ?");

  return (limit: number, now: number): readonly Task[] =>
    nextDue.all(now, limit).map((row) => {
      enqueue.run(row.seq);
      counters.move(row.status, "queued");
      row.status = "queued";
      return taskFromRow(row);
    });
}

export function prepareCancel(db: Database, counters: Counters) {
  const find = db.prepare<TaskRow, [taskId: string]>(`SELECT ${taskColumns} FROM tasks WHERE id = ?`);
  const request = db.prepare<null, [seq: number]>("UPDATE tasks SET cancel_requested = 1 WHERE seq = ?");
  const cancel = db.prepare<null, [now: number, seq: number]>(
    "UPDATE tasks SET status = 'cancelled', completed_at = ? WHERE seq = ?",
  );

  return (taskId: string, now: number): Cancellation | null => {
    const row = find.get(taskId);
    if (row === null) return null;
    if (isFinal(row.status)) return { kind: "final", task: taskFromRow(row) };
    if (row.status === "running") {
      request.run(row.seq);
      row.cancel_requested = 1;
      return { kind: "requested", task: taskFromRow(row) };
    }
    cancel.run(now, row.seq);
    counters.move(row.status, "cancelled");
    return { kind: "cancelled", task: cancelled(row, now) };
  };
}

export function prepareCancelWaiting(db: Database, counters: Counters) {
  const kinds = [
    "tasks INDEXED BY tasks_ready WHERE status = 'queued' ORDER BY priority, run_at, seq LIMIT",
    "tasks INDEXED BY tasks_due WHERE status IN ('pending', 'retrying') ORDER BY run_at, seq LIMIT",
  ].map((first) => ({
    find: db.prepare<TaskRow, [limit: number]>(`SELECT ${taskColumns} FROM ${first} ?`),
    // The rows that are found, all of them by one statement.
    cancel: db.prepare<null, [now: number, limit: number]>(
      `UPDATE tasks SET status = 'cancelled', completed_at = ? WHERE seq IN (SELECT seq FROM ${first} ?)`,
    ),
  }));

  return (limit: number, now: number): readonly Task[] => {
    const tasks: Task[] = [];
    for (const { find, cancel } of kinds) {
      const rows = find.all(limit - tasks.length);
      cancel.run(now, rows.length);
      for (const row of rows) {
        counters.move(row.status, "cancelled");
        tasks.push(cancelled(row, now));
      }
    }
    return tasks;
  };
}

export function prepareRecover(
  db: Database,
  settle: (taskId: string, lease: number, settlement: Settlement) => boolean,
) {
  const funcNames = prepareFuncNames(db);
  const runningOf = db.prepare<TaskRow, [funcName: string, limit: number]>(
    `SELECT ${taskColumns} FROM tasks WHERE func_name = ? AND status = 'running' ORDER BY seq LIMIT ?`,
  );

  return (limit: number, settled: (task: Task) => Settlement): readonly Task[] => {
    const tasks: Task[] = [];
    for (const funcName of funcNames()) {
      for (const row of runningOf.all(funcName, limit - tasks.length)) {
        const task = taskFromRow(row);
        const settlement = settled(task);
        settle(task.id, task.attempt, settlement);
        tasks.push(applySettlement(task, settlement));
      }
    }
    return tasks;
  };
}

export function preparePrune(db: Database, counters: Counters) {
  const ended = db.prepare<{ seq: number }, [status: Status, before: number, limit: number]>(
    `SELECT seq FROM tasks
     WHERE status = ? AND completed_at IS NOT NULL AND completed_at < ? ORDER BY completed_at LIMIT ?`,
  );
  const deletes = [
    db.prepare<null, [seq: number]>("DELETE FROM logs WHERE task_seq = ?"),
    db.prepare<null, [seq: number]>("DELETE FROM attempts WHERE task_seq = ?"),
    db.prepare<null, [seq: number]>("DELETE FROM tasks WHERE seq = ?"),
  ];

  function forget(status: Status, before: number, limit: number): number {
    const rows = ended.all(status, before, limit);
    for (const { seq } of rows) {
      for (const statement of deletes) statement.run(seq);
    }
    counters.add(status, -rows.length);
    return rows.length;
  }

  return ({ completedBefore, failedBefore }: RetentionCutoffs, limit: number): number => {
    let pruned = forget("completed", completedBefore, limit);
    pruned += forget("cancelled", completedBefore, limit - pruned);
    pruned += forget("failed", failedBefore, limit - pruned);
    return pruned;
  };
}

function cancelled(row: TaskRow, now: number): Task {
  row.status = "cancelled";
  row.completed_at = now;
  return taskFromRow(row);
}
