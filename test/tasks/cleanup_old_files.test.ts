import { Database } from "bun:sqlite";
import { beforeEach, describe, expect, test } from "bun:test";
import { mkdir, readdir, symlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PermanentError } from "taskflow";
import cleanup from "../../tasks/cleanup_old_files.ts";
import { failureOf, fakeContext, testDirectories, testEnvironment } from "./context.ts";

const environment = testEnvironment();
const makeDirectory = testDirectories();
const dayMs = 86_400_000;
let root: string;

beforeEach(async () => {
  root = await makeDirectory();
  environment("TASKFLOW_DATA_DIR", root);
});

/** A file below the data directory that was last changed so many days ago. */
async function file(path: string, daysOld: number, content = "12345"): Promise<string> {
  const full = join(root, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, content);
  return await age(full, daysOld);
}

async function age(path: string, daysOld: number): Promise<string> {
  const at = new Date(Date.now() - daysOld * dayMs);
  await utimes(path, at, at);
  return path;
}

async function database(path: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  using db = new Database(join(root, path));
  db.run("CREATE TABLE t (a)");
}

async function files(): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

const run = (input: Partial<Parameters<typeof cleanup.run>[0]> = {}, context = fakeContext()) =>
  cleanup.run({ days_old: 30, directory: "tmp", dry_run: false, ...input }, context);

describe("cleanup_old_files", () => {
  test("deletes what is older than the days given, at any depth, and counts it", async () => {
    await file("tmp/old", 31);
    await file("tmp/a/b/old", 400, "1234567");
    await file("tmp/young", 29);
    await file("elsewhere/old", 400);
    expect(await run()).toEqual({ directory: "tmp", dry_run: false, files: 2, bytes: 12, protected: 0, failed: 0 });
    expect(await files()).toEqual(["elsewhere/old", "tmp/young"]);
  });

  test("a dry run counts the same and deletes nothing", async () => {
    await file("tmp/old", 31);
    expect(await run({ dry_run: true })).toMatchObject({ dry_run: true, files: 1, bytes: 5 });
    expect(await files()).toEqual(["tmp/old"]);
  });

  test("neither follows links nor deletes them", async () => {
    const outside = await makeDirectory();
    await writeFile(join(outside, "secret"), "x");
    await age(join(outside, "secret"), 400);
    await file("elsewhere/old", 400);
    await mkdir(join(root, "tmp"));
    await symlink(outside, join(root, "tmp/out"));
    await symlink(join(outside, "secret"), join(root, "tmp/secret"));
    await symlink("../elsewhere", join(root, "tmp/elsewhere"));
    expect(await run({ days_old: 0 })).toMatchObject({ files: 0 });
    expect((await readdir(join(root, "tmp"))).sort()).toEqual(["elsewhere", "out", "secret"]);
    expect(await readdir(join(root, "elsewhere"))).toEqual(["old"]);
    expect(await readdir(outside)).toEqual(["secret"]);
  });

  test("leaves the database alone, whatever its name, with its log, its index and its lock", async () => {
    for (const name of ["taskflow.db", "store"]) {
      await database(name);
      await age(join(root, name), 400);
      for (const suffix of ["-wal", "-shm", "-journal", ".lock"]) await file(`${name}${suffix}`, 400);
    }
    await file("yarn.lock", 400);
    expect(await run({ directory: "." })).toMatchObject({ directory: ".", files: 1, protected: 10 });
    expect(await files()).not.toContain("yarn.lock");
    expect(await files()).toHaveLength(10);
  });

  test("deletes old backups only when it is asked for the directory that holds them", async () => {
    const backup = "backups/taskflow-20250101T000000000Z.db";
    await database(backup);
    await age(join(root, backup), 400);
    await file(`${backup}.partial`, 400);
    await file(`${backup}.partial-journal`, 400);
    expect(await run({ directory: "." })).toMatchObject({ files: 0, protected: 3 });
    expect(await run({ directory: "backups" })).toMatchObject({ files: 3, protected: 0 });
    expect(await files()).toEqual([]);
  });

  test("says that there is nothing to do when the directory is not there", async () => {
    const context = fakeContext();
    expect(await run({}, context)).toMatchObject({ files: 0, bytes: 0 });
    expect(context.lines).toEqual(["warn: There is no directory 'tmp' in the data directory: nothing to clean up"]);
  });

  test("stays inside the data directory", async () => {
    await symlink(await makeDirectory(), join(root, "out"));
    for (const directory of ["..", "/tmp", "out"]) {
      expect(await failureOf(() => run({ directory }))).toBeInstanceOf(PermanentError);
    }
  });

  test("stops before the next file when it is told to", async () => {
    await file("tmp/old", 31);
    const context = fakeContext();
    context.abort(new Error("told to stop"));
    expect((await failureOf(() => run({}, context))).message).toBe("told to stop");
    expect(await files()).toEqual(["tmp/old"]);
  });
});
