import { Statement } from "bun:sqlite";
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { connect } from "../../src/storage/connection.ts";
import { migrate } from "../../src/storage/migrations.ts";
import { createSqliteStore } from "../../src/storage/sqlite.ts";
import type { Store, TaskFilter } from "../../src/storage/store.ts";
import { aTask } from "../support/tasks.ts";
import { ids, unlimited } from "./steps.ts";

const many = 12_000;
const hourMs = 3_600_000;
const start = Date.UTC(2030, 0, 1);
const tasks = Array.from({ length: many }, (_, n) => {
  const createdAt = start + n * 1_000;
  return aTask({ id: Bun.randomUUIDv7("hex", createdAt), createdAt, status: "completed", funcName: `f${n % 3}` });
});
const [oldest] = tasks;

let store: Store;
/** Rows that the statements of the list have looked at since the last look here. */
let seen: number;

beforeEach(async () => {
  const db = connect(":memory:");
  migrate(db);
  const prepare = spyOn(db, "prepare");
  store = createSqliteStore(db, () => undefined);
  for (const { value } of prepare.mock.results) {
    if (!(value instanceof Statement && value.toString().includes("AS matches"))) continue;
    const iterate = value.iterate.bind(value);
    spyOn(value, "iterate").mockImplementation(function* (...given) {
      for (const row of iterate(...given)) {
        seen += 1;
        yield row;
      }
    });
  }
  await store.insert(tasks, unlimited);
  seen = 0;
});

afterEach(() => store.close());

async function pagesOf(filter: TaskFilter): Promise<{ found: string[]; pages: number[] }> {
  const found: string[] = [];
  const pages: number[] = [];
  for (let cursor: { cursor?: string } | null = {}; cursor !== null; ) {
    seen = 0;
    const { tasks: page, next } = await store.list({ ...filter, limit: 100, ...cursor });
    found.push(...ids(page));
    pages.push(seen);
    cursor = next === null ? null : { cursor: next };
  }
  return { found, pages };
}

test.each<[string, TaskFilter]>([
  ["no priority", { priority: 1 }],
  ["no periodic task", { periodicTask: "nightly" }],
  ["no periodic task of its status", { periodicTask: "nightly", statuses: ["completed"] }],
  ["no time", { createdBefore: start - 1, priority: 2, statuses: ["completed"] }],
])("a search that finds %s looks at a bounded number of rows a page, and ends", async (_, filter) => {
  const { found, pages } = await pagesOf(filter);
  expect(found).toEqual([]);
  expect(Math.max(...pages)).toBeLessThanOrEqual(filter.statuses === undefined ? 10_001 : 2_501);
  expect(pages.length).toBeLessThanOrEqual(5);
});

test("a page that holds nothing yet leads on to what is far back", async () => {
  const rare = aTask({ id: Bun.randomUUIDv7("hex", start - 1), createdAt: start - 1, priority: 1 });
  await store.close();
  store = createSqliteStore(freshDb(), () => undefined);
  await store.insert([rare, ...tasks], unlimited);
  const first = await store.list({ priority: 1, limit: 10 });
  expect(first.tasks).toEqual([]);
  expect(first.next).not.toBeNull();
  expect((await pagesOf({ priority: 1 })).found).toEqual([rare.id]);
});

test.each<[string, TaskFilter, number]>([
  ["an id", { search: oldest?.id ?? "" }, 1],
  ["a status that none has", { statuses: ["failed", "cancelled"], priority: 2 }, 0],
  ["an error where none is", { error: "Error" }, 0],
  ["a handler that none is of", { search: "nobody", priority: 2 }, 0],
  ["the first hour but a minute", { createdBefore: start + hourMs, createdAfter: start + hourMs - 60_000 }, 180],
])("%s is found without a look at other tasks", async (_, filter, most) => {
  const { pages } = await pagesOf(filter);
  expect(pages.reduce((sum, rows) => sum + rows, 0)).toBeLessThanOrEqual(most);
});

test("a status and a handler are found without a look at other tasks", async () => {
  await store.list({ statuses: ["completed", "failed"], funcName: "f1", limit: 10 });
  await store.list({ statuses: ["completed", "failed"], limit: 10 });
  await store.list({ limit: 10 });
  expect(seen).toBe(33);
});

test("one search after the other lets others in between", async () => {
  const order: string[] = [];
  setImmediate(() => setImmediate(() => order.push("other")));
  for (const name of ["first", "second", "third"]) {
    await store.list({ priority: 1, limit: 10 });
    order.push(name);
  }
  expect(order).toContain("other");
  expect(order.at(-1)).toBe("third");
});

function freshDb() {
  const db = connect(":memory:");
  migrate(db);
  return db;
}
