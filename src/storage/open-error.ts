import { SQLiteError } from "bun:sqlite";
import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";

/** The store cannot be opened. The message is one sentence for whoever starts the server: what is wrong and what to do. */
export class StoreOpenError extends Error {
  override readonly name = "StoreOpenError";
}

/** What `error`, thrown while `file` was opened, means to whoever starts the server. */
export function openError(error: unknown, file: string): StoreOpenError {
  if (error instanceof StoreOpenError) return error;
  return new StoreOpenError(sentence(codeOf(error), file) ?? `${file} cannot be opened: ${error}`, { cause: error });
}

function sentence(code: string, file: string): string | null {
  const folder = dirname(file);
  if (code === "ENOTDIR" || code === "EEXIST") return `${folder} is no folder: give the database another path`;
  if (/^(EACCES|EPERM|EROFS|ENOENT|SQLITE_READONLY_DIRECTORY)$/.test(code)) return folderClosed(folder);
  if (/^SQLITE_(CANTOPEN|READONLY)/.test(code)) {
    if (!isWritable(folder)) return folderClosed(folder);
    return `${file}, or its -wal or -shm file, cannot be written: let this user write them`;
  }
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) {
    return `${file} is not a SQLite database, or it is damaged: move it away, or put a backup in its place`;
  }
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return `${file} is locked by another program: close that one first`;
  if (code === "SQLITE_FULL" || code === "ENOSPC") return `The disk of ${file} is full: make room on it`;
  if (code.startsWith("SQLITE_IOERR"))
    return `${file} cannot be read or written: see whether its disk is full or failing`;
  return null;
}

function folderClosed(folder: string): string {
  return `The folder ${folder} cannot be written: let this user write it, or put the database elsewhere`;
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function codeOf(error: unknown): string {
  if (error instanceof SQLiteError) return error.code ?? "";
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
