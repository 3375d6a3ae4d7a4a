import { Database, SQLiteError } from "bun:sqlite";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { defineTask, PermanentError, t } from "taskflow";
import { backupName, isBackupOf, partialName } from "./_backup-name.ts";
import { dataPath, insideDataDirectory, isMissing } from "./_data-directory.ts";

export default defineTask({
  description: "Back up a SQLite database, consistently even while others write to it",
  input: t.Object({
    database: t.String({
      description: "The database's file, relative to the data directory",
      default: "taskflow.db",
      minLength: 1,
      maxLength: 1024,
    }),
    directory: t.String({
      description: "Where the backup goes, relative to the data directory; made when it is not there",
      default: "backups",
      minLength: 1,
      maxLength: 1024,
    }),
    keep: t.Optional(
      t.Integer({ description: "Delete all but this many of its latest backups there", minimum: 1, maximum: 10_000 }),
    ),
  }),
  timeout: 600,
  async run({ database, directory, keep }, ctx) {
    const source = await insideDataDirectory(database);
    const target = await insideDataDirectory(directory);
    await requireFile(source, database);
    await mkdir(target, { recursive: true });

    const backup = join(target, backupName(basename(source), new Date()));
    const partial = partialName(backup);
    // Nobody else may read it, and a second backup in the same millisecond fails here.
    await (await open(partial, "wx", 0o600)).close();
    try {
      copy(source, partial);
      ctx.progress(0.6, "copied");
      await flush(partial);
      verify(partial);
      ctx.progress(0.9, "verified");
      await rename(partial, backup);
    } finally {
      await rm(partial, { force: true });
    }
    await flush(target);

    const removed = keep === undefined ? 0 : await removeOldest(target, basename(source), keep);
    return { path: await dataPath(backup), bytes: (await stat(backup)).size, removed };
  },
});

async function requireFile(path: string, asked: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  throw new PermanentError(`There is no file '${asked}' in the data directory`);
}

/** One read transaction, so that the copy is of one moment. What is still in the write-ahead log is in it too. */
function copy(source: string, target: string): void {
  try {
    using database = new Database(source, { readonly: true });
    database.run("PRAGMA busy_timeout = 10000");
    database.run("VACUUM INTO ?", [target]);
  } catch (error) {
    if (error instanceof SQLiteError && (error.code === "SQLITE_NOTADB" || error.code === "SQLITE_CORRUPT")) {
      throw new PermanentError(`The database cannot be backed up: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** Waits for the disk: for the copy before it gets its name, and for the name before it is reported. */
async function flush(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

function verify(path: string): void {
  // Not read-only, as SQLite then leaves CHECK constraints out of it.
  using database = new Database(path, { readwrite: true });
  const rows = database.query<{ integrity_check: string }, []>("PRAGMA integrity_check").all();
  const faults = rows.map((row) => row.integrity_check).filter((line) => line !== "ok");
  if (faults.length > 0) throw new Error(`The copy is damaged: ${faults[0]}`);
}

async function removeOldest(directory: string, database: string, keep: number): Promise<number> {
  const backups = (await readdir(directory)).filter((file) => isBackupOf(database, file)).sort();
  const old = backups.slice(0, -keep);
  for (const file of old) await rm(join(directory, file), { force: true });
  return old.length;
}
