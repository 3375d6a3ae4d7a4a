/** The verbs of periodic tasks but for `fire`. Each function prepares its statements and returns what runs them. */

import type { Database } from "bun:sqlite";
import {
  type Decision,
  type Firing,
  type FiringOutcome,
  firingOutcomes,
  keptFirings,
  type PeriodicSource,
  type PeriodicTask,
} from "../domain/periodic.ts";
import {
  firingColumns,
  firingValues,
  insertFiringSql,
  type PeriodicRow,
  periodicColumns,
  periodicFromRow,
  periodicValues,
  savePeriodicSql,
} from "./periodic-rows.ts";

export function prepareSavePeriodic(db: Database) {
  const find = prepareFindPeriodic(db);
  const save = db.prepare<null, ReturnType<typeof periodicValues>>(savePeriodicSql);
  const record = prepareRecord(db);

  return (entry: PeriodicTask, before: PeriodicTask | null, passed: readonly Decision[], now: number): boolean => {
    if (!isSame(find(entry.name), before)) return false;
    save.run(...periodicValues(entry));
    record(
      entry.name,
      passed.flatMap((decision) => (decision.kind === "fire" ? [] : [lineOf(decision, now)])),
    );
    return true;
  };
}

export function prepareRemovePeriodic(db: Database) {
  const remove = db.prepare<null, [name: string, source: PeriodicSource]>(
    "DELETE FROM periodic_tasks WHERE name = ? AND source = ?",
  );
  const forget = db.prepare<null, [name: string]>("DELETE FROM firings WHERE periodic_task = ?");

  return (name: string, source: PeriodicSource): boolean => {
    if (remove.run(name, source).changes === 0) return false;
    forget.run(name);
    return true;
  };
}

/** Keeps lines of an entry's history, oldest first, and forgets those that are too many by them. */
export function prepareRecord(db: Database) {
  const insert = db.prepare<null, ReturnType<typeof firingValues>>(insertFiringSql);
  const trim = db.prepare<null, [name: string, outcome: FiringOutcome]>(
    `DELETE FROM firings WHERE periodic_task = ?1 AND outcome = ?2 AND id <=
      (SELECT id FROM firings WHERE periodic_task = ?1 AND outcome = ?2 ORDER BY id DESC LIMIT 1 OFFSET ${keptFirings})`,
  );

  return (name: string, lines: readonly Firing[]): void => {
    for (const line of lines) insert.run(...firingValues(name, line));
    for (const outcome of new Set(lines.map((line) => line.outcome))) trim.run(name, outcome);
  };
}

/** The line of a nominal time that creates no task. */
export function lineOf(decision: Exclude<Decision, { kind: "fire" }>, now: number): Firing {
  const { kind, nominalAt, reason } = decision;
  const line = { nominalAt, decidedAt: now, reason, taskId: null };
  if (kind === "skip") return { ...line, outcome: "skipped", detail: decision.detail, since: null };
  return { ...line, outcome: "missed", detail: null, since: decision.since };
}

export function prepareDuePeriodic(db: Database) {
  const due = db.prepare<PeriodicRow, [now: number, limit: number]>(
    `SELECT ${periodicColumns} FROM periodic_tasks INDEXED BY periodic_due
     WHERE next_run IS NOT NULL AND next_run <= ? ORDER BY next_run LIMIT ?`,
  );
  return (limit: number, now: number): readonly PeriodicTask[] => due.all(now, limit).map(periodicFromRow);
}

export function prepareNextFiring(db: Database) {
  const next = db.prepare<{ next_run: number }, []>(
    `SELECT next_run FROM periodic_tasks INDEXED BY periodic_due
     WHERE next_run IS NOT NULL ORDER BY next_run LIMIT 1`,
  );
  return (): number | null => next.get()?.next_run ?? null;
}

export function prepareFindPeriodic(db: Database) {
  const find = db.prepare<PeriodicRow, [name: string]>(`SELECT ${periodicColumns} FROM periodic_tasks WHERE name = ?`);
  return (name: string): PeriodicTask | null => {
    const row = find.get(name);
    return row === null ? null : periodicFromRow(row);
  };
}

export function prepareListPeriodic(db: Database) {
  const list = db.prepare<PeriodicRow, []>(`SELECT ${periodicColumns} FROM periodic_tasks ORDER BY name`);
  return (): readonly PeriodicTask[] => list.all().map(periodicFromRow);
}

export function prepareFirings(db: Database) {
  // The index holds one run per outcome, each in order of id: SQLite merges them, without a sort.
  const ofTask = firingOutcomes.map(
    (outcome) => `SELECT id, ${firingColumns} FROM firings WHERE periodic_task = ?1 AND outcome = '${outcome}'`,
  );
  const firings = db.prepare<Firing & { readonly id: number }, [name: string]>(
    `${ofTask.join(" UNION ALL ")} ORDER BY id DESC`,
  );
  return (name: string): readonly Firing[] => firings.all(name).map(({ id: _id, ...firing }) => firing);
}

/** Whether nothing was said of the entry, and nothing of it was decided, in between. */
function isSame(found: PeriodicTask | null, before: PeriodicTask | null): boolean {
  return (
    found?.revision === before?.revision &&
    found?.nextRun === before?.nextRun &&
    found?.decidedUntil === before?.decidedUntil
  );
}
