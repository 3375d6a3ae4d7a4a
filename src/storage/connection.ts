import { Database } from "bun:sqlite";
import { StoreOpenError } from "./open-error.ts";

/** A connection as the store needs it. `place` is a path or `:memory:`; a file that is there is read, not written. */
export function connect(place: string): Database {
  const db = new Database(place, { readwrite: true, create: true });
  try {
    db.run("PRAGMA busy_timeout = 100");
    db.run("PRAGMA foreign_keys = OFF");
    db.run("PRAGMA temp_store = MEMORY");
    db.run("PRAGMA cache_size = -32768");
    return db;
  } catch (error) {
    db.close(true);
    throw error;
  }
}

/** Makes every commit durable, at one fsync each. */
export function useWal(db: Database): void {
  const mode = db.query("PRAGMA journal_mode = WAL").values()[0]?.[0];
  if (mode !== "wal") {
    throw new StoreOpenError("The file system cannot hold a write-ahead log: put the database on a local disk");
  }
  db.run("PRAGMA synchronous = FULL");
  // Nothing holds the event loop up longer than a checkpoint: 4 MB of log at a time keeps it to some milliseconds.
  db.run("PRAGMA wal_autocheckpoint = 1000");
  db.run("PRAGMA journal_size_limit = 67108864");
}
