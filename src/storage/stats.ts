import type { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { createHistogram, type Histogram } from "../domain/histogram.ts";
import { priorities } from "../domain/task.ts";
import type { StoreStats } from "./store.ts";

/** Counts and times the transactions of a store, since it was opened. */
export interface CommitMeter {
  readonly seconds: Histogram;
  failed: number;
  /** Operations that the transactions were made of. */
  writes: number;
}

/** From a fifth of a usual fsync to a disk that hangs. */
const boundsSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5];

export function createCommitMeter(): CommitMeter {
  return { seconds: createHistogram(boundsSeconds), failed: 0, writes: 0 };
}

/** Prepares what the store tells of itself. */
export function prepareStats(db: Database, commits: CommitMeter) {
  const pageCount = db.prepare<{ page_count: number }, []>("PRAGMA page_count");
  const pageSize = db.prepare<{ page_size: number }, []>("PRAGMA page_size");
  // The index is in order of priority first: the first of each, then the first of those.
  const firstDue = Object.values(priorities).map(
    (priority) =>
      `SELECT (SELECT run_at FROM tasks INDEXED BY tasks_ready
               WHERE status = 'queued' AND priority = ${priority} ORDER BY run_at LIMIT 1) AS run_at`,
  );
  const oldest = db.prepare<{ run_at: number | null }, []>(
    `SELECT min(run_at) AS run_at FROM (${firstDue.join(" UNION ALL ")})`,
  );

  const version = db.query<{ version: string }, []>("SELECT sqlite_version() AS version").get()?.version ?? "";

  return (): StoreStats => ({
    product: `SQLite ${version}`,
    commitSeconds: commits.seconds,
    failedCommits: commits.failed,
    writes: commits.writes,
    databaseBytes: (pageCount.get()?.page_count ?? 0) * (pageSize.get()?.page_size ?? 0),
    walBytes: statSync(`${db.filename}-wal`, { throwIfNoEntry: false })?.size ?? 0,
    oldestQueuedAt: oldest.get()?.run_at ?? null,
  });
}
