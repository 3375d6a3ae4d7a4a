import type { CatchUp, Firing, Overlap, PeriodicSource, PeriodicTask } from "../domain/periodic.ts";
import type { JsonText, Priority } from "../domain/task.ts";

/** A periodic task as SQLite keeps it. */
export interface PeriodicRow {
  readonly name: string;
  readonly func_name: string;
  readonly cron_expression: string;
  readonly timezone: string;
  readonly args: JsonText;
  readonly kwargs: JsonText;
  readonly priority: Priority | null;
  readonly max_retries: number | null;
  readonly timeout_ms: number | null;
  readonly overlap: Overlap;
  readonly catch_up: CatchUp;
  readonly enabled: number;
  readonly source: PeriodicSource;
  readonly created_at: number;
  readonly next_run: number | null;
  readonly last_run: number | null;
  readonly run_count: number;
  readonly decided_until: number | null;
  readonly revision: number;
}

/** The columns of a PeriodicRow. */
export const periodicColumns = `name, func_name, cron_expression, timezone, args, kwargs, priority, max_retries, timeout_ms,
  overlap, catch_up, enabled, source, created_at, next_run, last_run, run_count, decided_until, revision`;

export function periodicFromRow(row: PeriodicRow): PeriodicTask {
  return {
    name: row.name,
    funcName: row.func_name,
    cronExpression: row.cron_expression,
    timezone: row.timezone,
    args: row.args,
    kwargs: row.kwargs,
    priority: row.priority,
    maxRetries: row.max_retries,
    timeoutMs: row.timeout_ms,
    overlap: row.overlap,
    catchUp: row.catch_up,
    enabled: row.enabled === 1,
    source: row.source,
    createdAt: row.created_at,
    nextRun: row.next_run,
    lastRun: row.last_run,
    runCount: row.run_count,
    decidedUntil: row.decided_until,
    revision: row.revision,
  };
}

/** Takes what `periodicValues` gives. */
export const savePeriodicSql = `INSERT OR REPLACE INTO periodic_tasks (${periodicColumns})
  VALUES (${Array(19).fill("?").join(", ")})`;

export function periodicValues(entry: PeriodicTask) {
  return [
    entry.name,
    entry.funcName,
    entry.cronExpression,
    entry.timezone,
    entry.args,
    entry.kwargs,
    entry.priority,
    entry.maxRetries,
    entry.timeoutMs,
    entry.overlap,
    entry.catchUp,
    entry.enabled ? 1 : 0,
    entry.source,
    entry.createdAt,
    entry.nextRun,
    entry.lastRun,
    entry.runCount,
    entry.decidedUntil,
    entry.revision,
  ] satisfies (string | number | null)[];
}

/** The columns of a Firing, by its own names. */
export const firingColumns = `nominal_at AS nominalAt, outcome, decided_at AS decidedAt, reason, detail,
  task_id AS taskId, since`;

/** Takes what `firingValues` gives. */
export const insertFiringSql = `INSERT INTO firings
  (periodic_task, outcome, nominal_at, decided_at, reason, detail, task_id, since) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;

export function firingValues(name: string, firing: Firing) {
  const { outcome, nominalAt, decidedAt, reason, detail, taskId, since } = firing;
  return [name, outcome, nominalAt, decidedAt, reason, detail, taskId, since] satisfies (string | number | null)[];
}
