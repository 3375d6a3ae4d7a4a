import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import type { Task } from "../../src/domain/task.ts";
import { identify, migrate, schemaSteps } from "../../src/storage/migrations.ts";
import { insertTaskSql, taskValues } from "../../src/storage/rows.ts";
import { createSqliteStore } from "../../src/storage/sqlite.ts";
import { anEntry } from "../support/periodic.ts";
import { aTask } from "../support/tasks.ts";

const first = "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)";
const second = "CREATE TABLE b (x INTEGER) STRICT; INSERT INTO b SELECT x FROM a";
const version = (db: Database) => db.query("PRAGMA user_version").values()[0]?.[0];
const tables = (db: Database) => db.query("SELECT name FROM sqlite_schema ORDER BY name").values().flat();

test("an empty database takes every step and is ours", () => {
  const db = new Database(":memory:");
  expect(identify(db)).toBe("empty");
  migrate(db);
  expect(identify(db)).toBe("ours");
  expect(tables(db)).toContain("tasks");
});

test("an older database takes only the steps that are missing", () => {
  const db = new Database(":memory:");
  migrate(db, [first]);
  db.run("INSERT INTO a VALUES (2)");
  migrate(db, [first, second]);
  expect(db.query("SELECT x FROM b ORDER BY x").values()).toEqual([[1], [2]]);
  expect(version(db)).toBe(2);
  migrate(db, [first, second]);
  expect(version(db)).toBe(2);
});

test("a step that fails is undone as a whole, the steps before it stay", () => {
  const db = new Database(":memory:");
  expect(() => migrate(db, [first, "CREATE TABLE b (x INTEGER) STRICT; INSERT INTO missing VALUES (1)"])).toThrow();
  expect(tables(db)).toEqual(["a"]);
  expect(version(db)).toBe(1);
  expect(identify(db, [first, second])).toBe("ours");
});

test("a database with more steps than are known is newer", () => {
  const db = new Database(":memory:");
  migrate(db, [first, second]);
  expect(identify(db, [first])).toBe("newer");
});

test.each(["CREATE TABLE notes (x)", "PRAGMA user_version = 1", "PRAGMA application_id = 7"])(
  "a database in which another program did %j is foreign",
  (sql) => {
    const db = new Database(":memory:");
    db.run(sql);
    expect(identify(db)).toBe("foreign");
  },
);

test("a database from before there were periodic tasks keeps its tasks, and takes periodic ones", async () => {
  const db = new Database(":memory:");
  migrate(db, schemaSteps.slice(0, 1));
  const tasks: Task[] = [aTask(), aTask({ status: "completed", completedAt: 5 }), aTask({ status: "pending" })];
  for (const task of tasks) db.run(insertTaskSql, taskValues(task));
  migrate(db);
  expect(version(db)).toBe(schemaSteps.length);
  const store = createSqliteStore(db, () => undefined);
  expect((await store.list({ limit: 10 })).tasks).toEqual(tasks.toReversed());
  const entry = anEntry();
  await store.savePeriodic(entry, null, [], 1);
  expect(await store.listPeriodic()).toEqual([entry]);
  await store.close();
});
