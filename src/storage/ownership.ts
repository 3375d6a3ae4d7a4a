import { Database, SQLiteError } from "bun:sqlite";
import { hostname } from "node:os";
import { openError, StoreOpenError } from "./open-error.ts";

/** The right to use a database file, held by one process at a time. */
export interface Ownership {
  release(): void;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** Bun closes a database that nothing refers to, which would drop its lock while the server lives. */
const held = new Set<Database>();

/**
 * Takes `file` for this process, until `release` or the end of the process, however it ends.
 *
 * The lock is a database of its own beside the file, with an open write transaction: the operating system drops it with
 * the process, and others can still read who holds it. The lock file stays behind; to delete it would race with the next.
 * @param since milliseconds since the epoch, told to those who come second.
 * @throws StoreOpenError when another one holds it, or the lock file cannot be used.
 */
export function takeOwnership(file: string, since: number): Ownership {
  const path = `${file}.lock`;
  let lock: Database | null = null;
  try {
    lock = new Database(path, { readwrite: true, create: true });
    lock.run("PRAGMA busy_timeout = 200");
    hold(lock, file, { pid: process.pid, host: hostname(), since });
  } catch (error) {
    lock?.close(true);
    throw openError(error, path);
  }
  const owned = lock;
  held.add(owned);
  return {
    release() {
      held.delete(owned);
      owned.close(true);
    },
  };
}

function hold(lock: Database, file: string, self: Holder): void {
  // Another one may sign between our signature and our lock. Whoever then holds the lock under a foreign name lets go.
  for (let round = 0; round < 10; round++) {
    if (!unlessBusy(() => sign(lock, self))) throw heldBy(readHolder(lock), file);
    if (!unlessBusy(() => lock.run("BEGIN IMMEDIATE"))) continue;
    const holder = readHolder(lock);
    if (holder?.pid === self.pid && holder.host === self.host && holder.since === self.since) return;
    lock.run("ROLLBACK");
  }
  throw heldBy(null, file);
}

function sign(lock: Database, { pid, host, since }: Holder): void {
  lock
    .transaction(() => {
      lock.run("CREATE TABLE IF NOT EXISTS holder (pid INTEGER, host TEXT, since INTEGER) STRICT");
      lock.run("DELETE FROM holder");
      lock.run("INSERT INTO holder (pid, host, since) VALUES (?, ?, ?)", [pid, host, since]);
    })
    .immediate();
}

/** Says whether `take` got the lock that it needs. */
function unlessBusy(take: () => unknown): boolean {
  try {
    take();
    return true;
  } catch (error) {
    if (error instanceof SQLiteError && error.code?.startsWith("SQLITE_BUSY")) return false;
    throw error;
  }
}

function readHolder(lock: Database): Holder | null {
  const { tables } = lock.query<{ tables: number }, []>("SELECT count(*) AS tables FROM sqlite_schema").get() ?? {};
  return tables === 1 ? lock.query<Holder, []>("SELECT pid, host, since FROM holder").get() : null;
}

function heldBy(holder: Holder | null, file: string): StoreOpenError {
  const who = holder && ` (pid ${holder.pid} on ${holder.host}, since ${new Date(holder.since).toISOString()})`;
  return new StoreOpenError(
    `${file} is in use by another TaskFlow server${who ?? ""}: stop that one, or give this one another database`,
  );
}
