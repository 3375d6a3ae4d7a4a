import { Database, Statement } from "bun:sqlite";
import { afterAll, expect, spyOn, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { connect, useWal } from "../../src/storage/connection.ts";
import { migrate } from "../../src/storage/migrations.ts";
import { openStore } from "../../src/storage/open.ts";
import { createSqliteStore } from "../../src/storage/sqlite.ts";
import { aTask } from "../support/tasks.ts";
import { databaseFile, removeFolders } from "./files.ts";
import { holdStore } from "./holder.ts";
import { upTo } from "./limits.ts";
import { randomSteps, takeSteps } from "./random-steps.ts";
import { claimed, completed, countByStatus, failed, inserted, settlementOf, unlimited } from "./steps.ts";

afterAll(removeFolders);

const open = (file: string) => openStore(`sqlite:${file}`, { now: () => 1_000 });

test("tasks, history, logs and counts are there after the store was closed and opened again", async () => {
  const file = databaseFile();
  const before = await open(file);
  const task = await claimed(before);
  const line = { at: 2_500, attempt: 1, level: "warn", message: "careful" } as const;
  await before.report([{ taskId: task.id, attempt: 1, progress: { fraction: 0.5, message: "half" }, lines: [line] }]);
  await before.settle(task.id, 1, settlementOf(task, failed));
  await inserted(before);
  const state = async (store: typeof before) => [
    await store.list({ limit: 10 }),
    await store.attempts(task.id),
    await store.logs(task.id),
    await store.counts(),
  ];
  const written = await state(before);
  await before.close();
  const after = await open(file);
  expect(await state(after)).toEqual(written);
  await after.close();
});

test("a task that was acknowledged survives the SIGKILL of its server", async () => {
  const file = databaseFile();
  const holder = await holdStore(file);
  holder.kill("SIGKILL");
  await holder.exited;
  const store = await open(file);
  expect((await store.find(holder.taskId))?.status).toBe("queued");
  expect(await store.counts()).toMatchObject({ byStatus: { queued: 1 }, enqueued: 1 });
  await store.close();
});

test("the counters in the file equal a recount, after any sequence of writes", async () => {
  await fc.assert(
    fc.asyncProperty(randomSteps, async (steps) => {
      const file = databaseFile();
      const store = await open(file);
      await takeSteps(store, steps);
      const counts = await store.counts();
      await store.close();
      const db = new Database(file, { readonly: true });
      const rows = db.query<{ name: string; value: number }, []>("SELECT status AS name FROM tasks").all();
      const stored = db.query<{ name: string; value: number }, []>("SELECT name, value FROM counters").all();
      db.close(true);
      const byStatus: Record<string, number> = countByStatus([]);
      for (const { name } of rows) byStatus[name] = (byStatus[name] ?? 0) + 1;
      const { enqueued, dequeued } = counts;
      expect(counts.byStatus).toEqual(byStatus as typeof counts.byStatus);
      const zeros = { ...countByStatus([]), enqueued: 0, dequeued: 0 };
      const inFile = Object.fromEntries(stored.map(({ name, value }) => [name, value]));
      expect({ ...zeros, ...inFile }).toEqual({ ...counts.byStatus, enqueued, dequeued });
    }),
    { numRuns: 20 },
  );
}, 60_000);

test("a commit goes to the log of the file and is flushed to the disk", async () => {
  const file = databaseFile();
  const store = await open(file);
  const other = new Database(file);
  expect(other.query("PRAGMA journal_mode").values()).toEqual([["wal"]]);
  other.close(true);
  await store.close();

  const db = connect(databaseFile());
  useWal(db);
  const full = 2;
  expect(db.query("PRAGMA synchronous").values()).toEqual([[full]]);
  db.close(true);
});

test("a hundred inserts of one turn are one commit", async () => {
  const file = databaseFile();
  const store = await open(file);
  const before = commitsIn(file);
  await Promise.all(Array.from({ length: 100 }, () => store.insert([aTask()], unlimited)));
  expect(commitsIn(file) - before).toBe(1);
  await store.close();
});

test("a settlement, a submission and a claim of one turn are one commit", async () => {
  const file = databaseFile();
  const store = await open(file);
  const running = await claimed(store);
  const before = commitsIn(file);
  await Promise.all([
    store.settle(running.id, 1, settlementOf(running, completed)),
    store.insert([aTask()], unlimited),
    store.claim(upTo(1), 3_000),
  ]);
  expect(commitsIn(file) - before).toBe(1);
  await store.close();
});

test("a turn that changes nothing writes nothing", async () => {
  const file = databaseFile();
  const store = await open(file);
  const before = commitsIn(file);
  await Promise.all([store.claim(upTo(5), 3_000), store.promote(5, 3_000), store.cancel("gone", 3_000)]);
  expect(commitsIn(file)).toBe(before);
  await store.close();
});

test("a batch takes a statement for ten of its tasks, and one for each that is left over", async () => {
  const db = connect(":memory:");
  migrate(db);
  const prepare = spyOn(db, "prepare");
  const store = createSqliteStore(db, () => undefined);
  const inserts = prepare.mock.results.flatMap(({ value }) => {
    const isInsert = value instanceof Statement && value.toString().startsWith("INSERT INTO tasks");
    return isInsert ? [spyOn(value, "run")] : [];
  });
  const tasks = Array.from({ length: 43 }, () => aTask());
  await store.insert(tasks, unlimited);
  expect(inserts.flatMap(({ mock }) => mock.calls)).toHaveLength(4 + 3);
  await store.close();
});

test("closing leaves everything in the one file", async () => {
  const file = databaseFile();
  const store = await open(file);
  await inserted(store);
  await store.close();
  expect(existsSync(`${file}-wal`)).toBe(false);
});

test("no statement sorts, and none reads a whole table of tasks", () => {
  const db = connect(":memory:");
  migrate(db);
  const prepare = spyOn(db, "prepare");
  createSqliteStore(db, () => undefined);
  const statements = prepare.mock.calls
    .map(([sql]) => sql)
    .filter((sql) => /^(WITH|SELECT|UPDATE|DELETE|INSERT)/.test(sql));
  expect(statements.length).toBeGreaterThan(15);
  const plans = statements.map((sql) => {
    const steps = db.query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${sql}`).all();
    return { sql, plan: steps.map(({ detail }) => detail).join("; ") };
  });
  expect(
    plans.filter(({ plan }) => /TEMP B-TREE|SCAN (?!counters|names|\d+-ROW VALUES|\(subquery)(?!.* USING )/.test(plan)),
  ).toEqual([]);
  const indexOf = (fragment: RegExp) =>
    /INDEX (\w+)/.exec(plans.find(({ sql }) => fragment.test(sql))?.plan ?? "")?.[1];
  expect(indexOf(/ORDER BY priority, run_at, seq/)).toBe("tasks_ready");
  expect(indexOf(/run_at <= \? ORDER BY run_at/)).toBe("tasks_due");
  expect(indexOf(/SELECT run_at/)).toBe("tasks_due");
  expect(indexOf(/completed_at < \?/)).toBe("tasks_ended");
  expect(indexOf(/periodic_task = \? AND scheduled_for = \?/)).toBe("tasks_fired");
  expect(indexOf(/completed_at IS NULL ORDER BY scheduled_for/)).toBe("tasks_overlapping");
  expect(indexOf(/SELECT next_run/)).toBe("periodic_due");
  expect(indexOf(/next_run <= \?/)).toBe("periodic_due");
  expect(indexOf(/FROM merged/)).toBe("tasks_by_func");
  expect(indexOf(/count\(\*\) AS n/)).toBe("tasks_ready");
  expect(indexOf(/AS failedAt/)).toBe("tasks_ended");
  db.close(true);
});

/** The commits in the log of a file: the frames that close one, with the salt of the present log. */
function commitsIn(file: string): number {
  const log = readFileSync(`${file}-wal`);
  const pageSize = log.readUInt32BE(8);
  const salt = log.toString("hex", 16, 24);
  let commits = 0;
  for (let frame = 32; frame + 24 + pageSize <= log.length; frame += 24 + pageSize) {
    if (log.toString("hex", frame + 8, frame + 16) === salt && log.readUInt32BE(frame + 4) !== 0) commits += 1;
  }
  return commits;
}
