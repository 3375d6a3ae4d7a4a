import type { Database } from "bun:sqlite";

/** What a database file is to this version: `empty` becomes `ours` by `migrate`, the others are left alone. */
export type Identity = "ours" | "empty" | "foreign" | "newer";

/** "Tflw", in the header of the file. */
const applicationId = 0x54666c77;

const firstSchema = `
  CREATE TABLE tasks (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    func_name TEXT NOT NULL,
    args TEXT NOT NULL,
    kwargs TEXT NOT NULL,
    status TEXT NOT NULL,
    priority INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    started_at INTEGER,
    completed_at INTEGER,
    result TEXT,
    error TEXT,
    error_kind TEXT,
    attempt INTEGER NOT NULL,
    retry_count INTEGER NOT NULL,
    max_retries INTEGER NOT NULL,
    timeout_ms REAL NOT NULL,
    crashes INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    progress_fraction REAL,
    progress_message TEXT,
    periodic_task TEXT,
    scheduled_for INTEGER,
    last_run_at INTEGER
  ) STRICT;
  -- Every index ends with seq, as all of SQLite's do: the order of submission.
  CREATE INDEX tasks_ready ON tasks (priority, run_at) WHERE status = 'queued';
  CREATE INDEX tasks_due ON tasks (run_at) WHERE status IN ('pending', 'retrying');
  CREATE INDEX tasks_by_status ON tasks (status);
  CREATE INDEX tasks_by_func ON tasks (func_name, status);
  CREATE INDEX tasks_ended ON tasks (status, completed_at) WHERE completed_at IS NOT NULL;

  CREATE TABLE attempts (
    task_seq INTEGER NOT NULL,
    number INTEGER NOT NULL,
    worker TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    outcome TEXT,
    error_kind TEXT,
    error TEXT,
    stack TEXT,
    PRIMARY KEY (task_seq, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE logs (
    id INTEGER PRIMARY KEY,
    task_seq INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL
  ) STRICT;
  CREATE INDEX logs_by_task ON logs (task_seq);

  CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

const periodicSchema = `
  CREATE TABLE periodic_tasks (
    name TEXT NOT NULL PRIMARY KEY,
    func_name TEXT NOT NULL,
    cron_expression TEXT NOT NULL,
    timezone TEXT NOT NULL,
    args TEXT NOT NULL,
    kwargs TEXT NOT NULL,
    priority INTEGER,
    max_retries INTEGER,
    timeout_ms REAL,
    overlap TEXT NOT NULL,
    catch_up TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    source TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    next_run INTEGER,
    last_run INTEGER,
    run_count INTEGER NOT NULL,
    decided_until INTEGER,
    revision INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX periodic_due ON periodic_tasks (next_run) WHERE next_run IS NOT NULL;

  CREATE TABLE firings (
    id INTEGER PRIMARY KEY,
    periodic_task TEXT NOT NULL,
    outcome TEXT NOT NULL,
    nominal_at INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    reason TEXT,
    detail TEXT,
    task_id TEXT,
    since INTEGER
  ) STRICT;
  CREATE INDEX firings_by_task ON firings (periodic_task, outcome);

  -- A nominal time creates one task, whatever happens. What was triggered by hand has none.
  CREATE UNIQUE INDEX tasks_fired ON tasks (periodic_task, scheduled_for)
    WHERE periodic_task IS NOT NULL AND scheduled_for IS NOT NULL;
  CREATE INDEX tasks_overlapping ON tasks (periodic_task, scheduled_for)
    WHERE scheduled_for IS NOT NULL AND completed_at IS NULL;
`;

const traceparent = "ALTER TABLE tasks ADD COLUMN traceparent TEXT";

/** An index that every move of a task wrote twice: tasks are found by their status through those that are left. */
const withoutStatusIndex = "DROP INDEX tasks_by_status";

/** The way from an empty file to the present schema. `user_version` says how many steps a file has taken: only append. */
export const schemaSteps: readonly string[] = [firstSchema, periodicSchema, traceparent, withoutStatusIndex];

/** Reads only. */
export function identify(db: Database, steps = schemaSteps): Identity {
  const id = pragma(db, "application_id");
  const version = pragma(db, "user_version");
  if (id === applicationId) return version > steps.length ? "newer" : "ours";
  const objects = db.query<{ n: number }, []>("SELECT count(*) AS n FROM sqlite_schema").get()?.n;
  return id === 0 && version === 0 && objects === 0 ? "empty" : "foreign";
}

/** Takes the steps that are missing, each in a transaction of its own. The file must be `ours` or `empty`. */
export function migrate(db: Database, steps = schemaSteps): void {
  for (const [taken, step] of steps.entries()) {
    if (taken >= pragma(db, "user_version")) takeStep(db, step, taken + 1);
  }
  // Written even when no step is missing, so that a file which takes no writes is found out at the start.
  db.run(`PRAGMA application_id = ${applicationId}`);
}

function takeStep(db: Database, step: string, version: number): void {
  db.transaction(() => {
    db.run(step);
    db.run(`PRAGMA application_id = ${applicationId}`);
    db.run(`PRAGMA user_version = ${version}`);
  }).immediate();
}

function pragma(db: Database, name: "application_id" | "user_version"): number {
  return Number(db.query(`PRAGMA ${name}`).values()[0]?.[0]);
}
