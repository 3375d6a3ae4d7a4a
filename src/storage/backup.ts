import { Database, SQLiteError } from "bun:sqlite";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { identify } from "./migrations.ts";
import { openError } from "./open-error.ts";

/** There is no backup. The message is one sentence for whoever asked for it: what is wrong and what to do. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}

export interface Backup {
  readonly tasks: number;
  readonly bytes: number;
}

/**
 * Copies the database at `source` to `target`, a new file, as it is at one moment, whoever writes to it meanwhile. The copy
 * is checked and on the disk before it gets its name.
 * @throws BackupError whatever is wrong; no file is overwritten and no half of one left behind.
 */
export async function backUp(source: string, target: string): Promise<Backup> {
  const partial = `${target}.partial`;
  if (!(await isFile(source))) throw new BackupError(`There is no database at ${source}: see TASKFLOW_DATABASE`);
  await refuseTaken(target);
  await reserve(partial);
  try {
    copy(source, partial);
    const tasks = verify(partial);
    await flush(partial);
    // Nobody else may have taken the name in the meantime.
    await reserve(target);
    await rename(partial, target);
    await flush(dirname(target));
    return { tasks, bytes: (await stat(target)).size };
  } catch (error) {
    throw backupError(error, target);
  } finally {
    await rm(partial, { force: true });
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return false;
    throw backupError(error, path);
  }
}

async function refuseTaken(target: string): Promise<void> {
  if (await Bun.file(target).exists()) throw taken(target);
}

/** Makes an empty file that only its owner can read, and that was not there. */
async function reserve(path: string): Promise<void> {
  try {
    await (await open(path, "wx", 0o600)).close();
  } catch (error) {
    throw codeOf(error) === "EEXIST" ? taken(path) : backupError(error, path);
  }
}

function taken(path: string): BackupError {
  const hint = path.endsWith(".partial")
    ? "another backup writes it, or one was cut off"
    : "a backup overwrites nothing";
  return new BackupError(`${path} is there already: ${hint}; give another name, or delete it`);
}

/** In one read transaction. What is still in the write-ahead log is in it too. */
function copy(source: string, partial: string): void {
  try {
    using db = new Database(source, { readonly: true });
    db.run("PRAGMA busy_timeout = 10000");
    if (identify(db) !== "ours") throw new BackupError(`${source} is no database of this version of TaskFlow`);
    db.run("VACUUM INTO ?", [partial]);
  } catch (error) {
    const isOfTarget = error instanceof BackupError || /^SQLITE_(FULL|IOERR_WRITE)/.test(codeOf(error));
    throw isOfTarget ? error : new BackupError(openError(error, source).message, { cause: error });
  }
}

/** Reads every page of the copy. Says how many tasks are in it. */
function verify(partial: string): number {
  // Not read-only, as SQLite then leaves CHECK constraints out of it.
  using db = new Database(partial, { readwrite: true });
  const lines = db.query<{ integrity_check: string }, []>("PRAGMA integrity_check").all();
  const fault = lines.map(({ integrity_check }) => integrity_check).find((line) => line !== "ok");
  if (fault !== undefined) throw new BackupError(`The copy is damaged, as the database itself may be: ${fault}`);
  return db.query<{ tasks: number }, []>("SELECT count(*) AS tasks FROM tasks").get()?.tasks ?? 0;
}

/** Waits for the disk. */
async function flush(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

function backupError(error: unknown, target: string): BackupError {
  if (error instanceof BackupError) return error;
  return new BackupError(sentence(codeOf(error), target) ?? `${target} cannot be written: ${error}`, { cause: error });
}

function sentence(code: string, target: string): string | null {
  const folder = dirname(target);
  if (code === "ENOENT" || code === "ENOTDIR") return `There is no folder ${folder}: make it first`;
  if (/^(EACCES|EPERM|EROFS)$/.test(code)) return `The folder ${folder} cannot be written: let this user write it`;
  if (code === "SQLITE_FULL" || code === "ENOSPC") return `There is no room for ${target}: make some on its disk`;
  return null;
}

function codeOf(error: unknown): string {
  if (error instanceof SQLiteError) return error.code ?? "";
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
