import { connect, useWal } from "../src/storage/connection.ts";
import { migrate } from "../src/storage/migrations.ts";
import { insertTasksSql, taskValues } from "../src/storage/rows.ts";
import type { InsertJob } from "./job.ts";
import { newSum } from "./sum.ts";

/**
 * The rows per second that SQLite alone takes: a prepared insert, so many rows in one transaction, and a full fsync, again
 * and again for `ms` milliseconds. What a batch over HTTP is held against. To make up the rows costs it no time.
 */
export function insertRows({ file, rows, ms }: InsertJob): number {
  const db = connect(file);
  useWal(db);
  migrate(db);
  const insert = db.prepare(insertTasksSql(1));
  let elapsedMs = 0;
  let inserted = 0;
  while (elapsedMs < ms) {
    const values = Array.from({ length: rows }, () => taskValues(newSum()));
    const startedAt = performance.now();
    db.run("BEGIN IMMEDIATE");
    for (const row of values) insert.run(...row);
    db.run("COMMIT");
    elapsedMs += performance.now() - startedAt;
    inserted += rows;
  }
  db.close(true);
  return (inserted / elapsedMs) * 1_000;
}
