import type { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { TaskflowError } from "../../src/domain/error.ts";
import { jsonText } from "../../src/domain/task.ts";
import { connect, useWal } from "../../src/storage/connection.ts";
import { migrate } from "../../src/storage/migrations.ts";
import { openStore } from "../../src/storage/open.ts";
import { createSqliteStore } from "../../src/storage/sqlite.ts";
import type { Store } from "../../src/storage/store.ts";
import { aTask } from "../support/tasks.ts";
import { databaseFile, removeFolders } from "./files.ts";
import { upTo } from "./limits.ts";
import { claimed, completed, ids, inserted, settlementOf, unlimited } from "./steps.ts";

afterAll(removeFolders);

let file: string;
let db: Database;
let store: Store;

beforeEach(() => {
  file = databaseFile();
  db = connect(file);
  useWal(db);
  migrate(db);
  store = createSqliteStore(db, () => undefined);
});
afterEach(() => store.close());

const large = () => aTask({ kwargs: jsonText({ text: "x".repeat(100_000) }) });
const outcome = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

/** As a full disk: the file may not grow any more. */
function fillDisk(): void {
  const pages = db.query<{ page_count: number }, []>("PRAGMA page_count").get()?.page_count ?? 0;
  db.run(`PRAGMA max_page_count = ${pages + 2}`);
}

function freeDisk(): void {
  db.run("PRAGMA max_page_count = 1000000");
}

test("a full disk refuses every write of the turn, and loses none that was acknowledged", async () => {
  const running = await claimed(store);
  const before = await store.counts();
  fillDisk();
  const refused = await Promise.all([
    outcome(store.settle(running.id, 1, settlementOf(running, completed))),
    outcome(store.insert([large()], unlimited)),
    outcome(store.claim(upTo(1), 3_000)),
  ]);
  for (const error of refused) {
    expect(error).toBeInstanceOf(TaskflowError);
    expect(error).toMatchObject({ code: "store_unavailable", retryAfter: 1, cause: { code: "SQLITE_FULL" } });
    expect(error).toHaveProperty("message", "The disk is full, nothing was written");
  }
  expect(await store.find(running.id)).toEqual(running);
  expect(await store.counts()).toEqual(before);
});

test("after a full disk the store goes on by itself", async () => {
  fillDisk();
  const task = large();
  await outcome(store.insert([task], unlimited));
  freeDisk();
  expect(await store.insert([task], unlimited)).toBe(true);
  expect(await store.counts()).toMatchObject({ byStatus: { queued: 1 }, enqueued: 1 });
});

test("a refused write does not count as waiting", async () => {
  fillDisk();
  await outcome(store.insert([large(), large()], 2));
  freeDisk();
  expect(await store.insert([aTask(), aTask()], 2)).toBe(true);
});

test("a file that is locked by another program is unavailable until it is let go", async () => {
  const other = connect(file);
  other.run("BEGIN IMMEDIATE");
  expect(await outcome(store.insert([aTask()], unlimited))).toMatchObject({ code: "store_unavailable" });
  other.run("ROLLBACK");
  other.close(true);
  expect(await store.insert([aTask()], unlimited)).toBe(true);
});

test("the callback of recover may throw: its own call rejects, the others of the turn go through", async () => {
  const running = await claimed(store);
  const fault = new Error("no settlement");
  const recovered = store.recover(1, () => {
    throw fault;
  });
  const [answer, accepted] = await Promise.all([outcome(recovered), store.insert([aTask()], unlimited)]);
  expect([answer, accepted]).toEqual([fault, true]);
  expect(await store.find(running.id)).toEqual(running);
  expect((await store.counts()).byStatus).toMatchObject({ running: 1, queued: 1 });
});

test("what the database refuses is told as an internal error with its cause", async () => {
  const { id } = await inserted(store);
  const error = await outcome(store.insert([aTask({ id })], unlimited));
  expect(error).toBeInstanceOf(TaskflowError);
  expect(error).toMatchObject({ code: "internal", cause: { code: "SQLITE_CONSTRAINT_UNIQUE" } });
  expect(ids((await store.list({ limit: 5 })).tasks)).toEqual([id]);
});

test("a damaged part of the file fails what touches it, and nothing beside it", async () => {
  const tasks = Array.from({ length: 21 }, large);
  await store.insert(tasks, unlimited);
  await store.close();
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0xff, bytes.length / 2));
  const damaged = await openStore(`sqlite:${file}`, { now: () => 1_000 });
  const corrupt = { code: "internal", cause: { code: "SQLITE_CORRUPT" } };
  expect(await outcome(damaged.list({ limit: 50 }))).toMatchObject(corrupt);
  const [first, last] = [tasks[0]?.id ?? "", tasks.at(-1)?.id ?? ""];
  const [fails, goes] = await Promise.all([outcome(damaged.cancel(last, 2_000)), damaged.cancel(first, 2_000)]);
  expect(fails).toMatchObject(corrupt);
  expect(goes?.kind).toBe("cancelled");
  await damaged.close();
});
