import { mkdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { connect, useWal } from "./connection.ts";
import { identify, migrate } from "./migrations.ts";
import { openError, StoreOpenError } from "./open-error.ts";
import { type Ownership, takeOwnership } from "./ownership.ts";
import { createSqliteStore } from "./sqlite.ts";
import type { Store } from "./store.ts";

export { StoreOpenError };

export interface OpenOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds of a clock that only goes forward, to time transactions with; `now` unless given. */
  readonly elapsedMs?: () => number;
}

/**
 * Opens the store at `address`: `sqlite:./file.db`, `sqlite:/abs/file.db` or `sqlite::memory:`. Makes the file and its
 * folders when there are none, brings an older file up to date, and owns it until `close`.
 * @throws StoreOpenError whatever is wrong; nothing that was there is overwritten then.
 */
export async function openStore(address: string, { now, elapsedMs = now }: OpenOptions): Promise<Store> {
  const place = placeOf(address);
  if (place === ":memory:") return openMemory(elapsedMs);
  const file = resolve(place);
  try {
    return openFile(locate(file), now(), elapsedMs);
  } catch (error) {
    throw openError(error, file);
  }
}

function placeOf(address: string): string {
  const place = /^sqlite:(:memory:|(?:\.{1,2}\/|\/(?!\/))[^\0]*[^/\0])$/.exec(address)?.[1];
  if (place !== undefined) return place;
  const forms = "sqlite:./path/file.db, sqlite:/path/file.db or sqlite::memory:";
  throw new StoreOpenError(`${JSON.stringify(address)} is no address of a database: write ${forms}`);
}

function openMemory(elapsedMs: () => number): Store {
  const db = connect(":memory:");
  migrate(db);
  return createSqliteStore(db, () => undefined, elapsedMs);
}

/** The file's real path, its folders made: two links to one file have to meet in one lock. */
function locate(file: string): string {
  mkdirSync(dirname(file), { recursive: true });
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return join(realpathSync(dirname(file)), basename(file));
  if (stats.isFile()) return realpathSync(file);
  const kind = stats.isDirectory() ? "a folder" : "no regular file";
  throw new StoreOpenError(`${file} is ${kind}: give the path of a database file`);
}

function openFile(file: string, now: number, elapsedMs: () => number): Store {
  const db = connect(file);
  let ownership: Ownership | null = null;
  try {
    refuseOthers(file, identify(db));
    ownership = takeOwnership(file, now);
    useWal(db);
    migrate(db);
    return createSqliteStore(db, ownership.release, elapsedMs);
  } catch (error) {
    db.close(true);
    ownership?.release();
    throw error;
  }
}

function refuseOthers(file: string, identity: ReturnType<typeof identify>): void {
  if (identity === "newer") {
    throw new StoreOpenError(`${file} was made by a newer TaskFlow: update this one, or give another database`);
  }
  if (identity === "foreign") {
    throw new StoreOpenError(`${file} belongs to another program: give the path of a database of TaskFlow's own`);
  }
}
