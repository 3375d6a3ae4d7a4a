import { SQLiteError } from "bun:sqlite";
import { TaskflowError } from "../domain/error.ts";

/** With these SQLite says that the medium failed and not the statement: the same write may succeed later. */
const mediumFault = /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|BUSY|LOCKED|PROTOCOL|NOMEM)/;

/** What `error`, thrown inside the store, is to its callers: SQLite's own errors are wrapped, others stay. */
export function storeError(error: unknown): unknown {
  if (!(error instanceof SQLiteError)) return error;
  if (mediumFault.test(error.code ?? "")) return unavailable(sentence(error), error);
  return new TaskflowError("internal", `The database refused it: ${error.message}`, { cause: error });
}

export function storeClosed(): TaskflowError {
  return unavailable("The store is closed");
}

function unavailable(message: string, cause?: SQLiteError): TaskflowError {
  return new TaskflowError("store_unavailable", message, { retryAfter: 1, cause });
}

function sentence({ code = "", message }: SQLiteError): string {
  if (code === "SQLITE_FULL") return "The disk is full, nothing was written";
  if (code.startsWith("SQLITE_BUSY")) return "Another program keeps the database locked, nothing was written";
  return `The database cannot be used now, nothing was written: ${message}`;
}
