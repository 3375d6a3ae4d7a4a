import { lstat, open, opendir, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { defineTask, t } from "taskflow";
import { isBackupName } from "./_backup-name.ts";
import { dataPath, insideDataDirectory, isMissing } from "./_data-directory.ts";

const dayMs = 86_400_000;

export default defineTask({
  description:
    "Delete old files below a directory of the data directory. Links are not followed; SQLite databases and what " +
    "belongs to them stay; backups go only when `directory` is the very one that holds them",
  input: t.Object({
    days_old: t.Number({
      description: "Files go that were not changed for this many days",
      default: 30,
      minimum: 0,
      maximum: 36_500,
    }),
    directory: t.String({
      description: "Where to look, relative to the data directory",
      default: "tmp",
      minLength: 1,
      maxLength: 1024,
    }),
    dry_run: t.Boolean({ description: "Only count what would be deleted", default: false }),
  }),
  timeout: 600,
  async run({ days_old, directory, dry_run }, ctx) {
    const root = await insideDataDirectory(directory);
    const report = { directory: await dataPath(root), dry_run, files: 0, bytes: 0, protected: 0, failed: 0 };
    if (!(await isDirectory(root))) {
      ctx.log.warn(`There is no directory '${report.directory}' in the data directory: nothing to clean up`);
      return report;
    }
    for await (const { path, bytes } of oldFiles(root, Date.now() - days_old * dayMs)) {
      ctx.signal.throwIfAborted();
      try {
        if (await isProtected(path, root)) {
          report.protected += 1;
          continue;
        }
        if (!dry_run) await unlink(path);
        report.files += 1;
        report.bytes += bytes;
      } catch (error) {
        if (isMissing(error)) continue;
        report.failed += 1;
        ctx.log.warn(`${await dataPath(path)} stays: ${error}`);
      }
    }
    return report;
  },
});

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function* oldFiles(directory: string, before: number): AsyncGenerator<{ path: string; bytes: number }> {
  for await (const entry of await opendir(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* oldFiles(path, before);
    if (!entry.isFile()) continue;
    try {
      const { mtimeMs, size } = await lstat(path);
      if (mtimeMs < before) yield { path, bytes: size };
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

async function isProtected(path: string, root: string): Promise<boolean> {
  if (isBackupName(path)) return dirname(path) !== root;
  if (await isSqlite(path)) return true;
  const database = path.replace(/(-wal|-shm|-journal|\.lock)$/, "");
  return database !== path && (await isSqlite(database));
}

/** Tells by what every SQLite file begins with: its name may be anything. */
async function isSqlite(path: string): Promise<boolean> {
  try {
    await using file = await open(path, "r");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0);
    return bytesRead === 16 && buffer.toString("latin1") === "SQLite format 3\0";
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
