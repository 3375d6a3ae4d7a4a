import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, setSystemTime, test } from "bun:test";
import { mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PermanentError } from "taskflow";
import backup from "../../tasks/database_backup.ts";
import { failureOf, fakeContext, testDirectories, testEnvironment } from "./context.ts";

const environment = testEnvironment();
const makeDirectory = testDirectories();
let root: string;

beforeEach(async () => {
  root = await makeDirectory();
  environment("TASKFLOW_DATA_DIR", root);
});

afterEach(() => {
  setSystemTime();
});

function createDatabase(path = "taskflow.db"): Database {
  const database = new Database(join(root, path));
  database.run("PRAGMA journal_mode = WAL");
  database.run("CREATE TABLE numbers (n INTEGER)");
  return database;
}

function numbersIn(path: string): number[] {
  using database = new Database(join(root, path), { readonly: true });
  return database
    .query<{ n: number }, []>("SELECT n FROM numbers ORDER BY n")
    .all()
    .map(({ n }) => n);
}

const run = (input: Partial<Parameters<typeof backup.run>[0]> = {}, context = fakeContext()) =>
  backup.run({ database: "taskflow.db", directory: "backups", ...input }, context);

/**
 * Writes pairs of rows from another process, each pair in one transaction, until it is killed. Prints a line after each.
 */
const writer = `
  import { Database } from "bun:sqlite";
  const database = new Database(process.argv[1]);
  database.run("PRAGMA busy_timeout = 5000");
  const pair = database.transaction((n) => {
    database.run("INSERT INTO numbers VALUES (?)", [n]);
    database.run("INSERT INTO numbers VALUES (?)", [-n]);
  });
  for (let n = 1; ; n += 1) {
    pair(n);
    if (n % 50 === 0) await Bun.write(Bun.stdout, n + "\\n");
  }
`;

describe("database_backup", () => {
  test("copies what is only in the write-ahead log too, while the database is open", async () => {
    using database = createDatabase();
    database.run("INSERT INTO numbers VALUES (1), (2)");
    setSystemTime(new Date("2026-01-31T10:15:00.123Z"));
    const result = await run();
    const path = "backups/taskflow-20260131T101500123Z.db";
    expect(result).toEqual({ path, bytes: (await stat(join(root, path))).size, removed: 0 });
    expect(numbersIn(path)).toEqual([1, 2]);
    expect(await readdir(join(root, "backups"))).toEqual(["taskflow-20260131T101500123Z.db"]);
  });

  test("takes one moment of a database that another process keeps writing to", async () => {
    createDatabase().close();
    const child = Bun.spawn([process.execPath, "-e", writer, join(root, "taskflow.db")], {
      stdout: "pipe",
      stderr: "inherit",
    });
    try {
      const written = child.stdout.getReader();
      for (let round = 0; round < 3; round += 1) {
        const { done } = await written.read();
        expect(done).toBe(false);
        const numbers = numbersIn((await run()).path);
        expect(numbers.length).toBeGreaterThanOrEqual(100);
        expect(numbers.reduce((sum, n) => sum + n, 0)).toBe(0);
      }
      expect(child.exitCode).toBeNull();
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  });

  test("can be read by its owner only", async () => {
    createDatabase().close();
    expect((await stat(join(root, (await run()).path))).mode & 0o777).toBe(0o600);
  });

  test("keeps the latest backups of the database, as many as asked for, and nobody else's", async () => {
    createDatabase().close();
    createDatabase("other.db").close();
    const at = (second: number) => setSystemTime(new Date(Date.UTC(2026, 0, 1, 0, 0, second)));
    at(0);
    await run({ database: "other.db" });
    for (const second of [1, 2, 3]) {
      at(second);
      await run();
    }
    await writeFile(join(root, "backups/taskflow-notes.db"), "");
    at(4);
    expect(await run({ keep: 2 })).toMatchObject({ removed: 2 });
    expect((await readdir(join(root, "backups"))).sort()).toEqual([
      "other-20260101T000000000Z.db",
      "taskflow-20260101T000003000Z.db",
      "taskflow-20260101T000004000Z.db",
      "taskflow-notes.db",
    ]);
  });

  test("never writes over a backup that another attempt is making", async () => {
    createDatabase().close();
    setSystemTime(new Date("2026-01-01T00:00:00Z"));
    await mkdir(join(root, "backups"));
    const partial = join(root, "backups/taskflow-20260101T000000000Z.db.partial");
    await writeFile(partial, "theirs");
    expect(await failureOf(run)).toMatchObject({ code: "EEXIST" });
    expect(await Bun.file(partial).text()).toBe("theirs");
  });

  test("fails for good when there is no such database, and leaves nothing behind", async () => {
    const failure = await failureOf(run);
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toBe("There is no file 'taskflow.db' in the data directory");
    expect(await readdir(root)).toEqual([]);
  });

  test("fails for good on a file that is no database, and leaves nothing behind", async () => {
    await writeFile(join(root, "taskflow.db"), "this is no SQLite database, and long enough to tell".repeat(20));
    const failure = await failureOf(run);
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toContain("file is not a database");
    expect(await readdir(join(root, "backups"))).toEqual([]);
  });

  test("fails for good on a damaged database, and leaves nothing behind", async () => {
    using database = createDatabase();
    database.run(
      "INSERT INTO numbers WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i LIMIT 9999) SELECT n FROM i",
    );
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
    const path = join(root, "taskflow.db");
    const bytes = await Bun.file(path).bytes();
    await writeFile(path, bytes.fill(0xab, 8192, 16_384));
    expect(await failureOf(run)).toBeInstanceOf(PermanentError);
    expect(await readdir(join(root, "backups"))).toEqual([]);
  });

  test("does not keep a copy that fails SQLite's own check", async () => {
    using database = createDatabase();
    database.run("CREATE TABLE positive (n CHECK (n > 0))");
    database.run("PRAGMA ignore_check_constraints = ON");
    database.run("INSERT INTO positive VALUES (-1)");
    expect((await failureOf(run)).message).toBe("The copy is damaged: CHECK constraint failed in positive");
    expect(await readdir(join(root, "backups"))).toEqual([]);
  });

  test("stays inside the data directory, with what it reads and with what it writes", async () => {
    createDatabase().close();
    const outside = await makeDirectory();
    await writeFile(join(outside, "secret.db"), "");
    await symlink(outside, join(root, "out"));
    await symlink(join(outside, "secret.db"), join(root, "link.db"));
    for (const database of ["../secret.db", join(outside, "secret.db"), "out/secret.db", "link.db"]) {
      expect(await failureOf(() => run({ database }))).toBeInstanceOf(PermanentError);
    }
    for (const directory of ["..", outside, "out", "out/new"]) {
      expect(await failureOf(() => run({ directory }))).toBeInstanceOf(PermanentError);
    }
    expect(await readdir(outside)).toEqual(["secret.db"]);
  });
});
