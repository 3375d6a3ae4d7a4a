import { describe, expect, test } from "bun:test";
import { TaskflowError } from "../../src/domain/error.ts";
import { jsonText, statuses, type Task } from "../../src/domain/task.ts";
import type { ListFilter, Store } from "../../src/storage/store.ts";
import { aTask } from "../support/tasks.ts";
import { upTo } from "./limits.ts";
import { claimed, completed, failed, ids, inserted, settlementOf, unlimited } from "./steps.ts";

export function testReads(store: () => Store): void {
  describe("find, attempts and logs", () => testOne(store));
  describe("list", () => testList(store));
  describe("close", () => testClose(store));
}

function testOne(store: () => Store): void {
  test("know nothing of an unknown task", async () => {
    expect(await store().find("gone")).toBeNull();
    expect(await store().attempts("gone")).toEqual([]);
    expect(await store().logs("gone")).toEqual([]);
  });

  test("give the attempts that ended, in their order", async () => {
    const first = await claimed(store());
    await store().settle(first.id, 1, settlementOf(first, failed));
    await store().promote(1, 100_000);
    const [second] = await store().claim(upTo(1), 101_000);
    if (second === undefined) throw new Error("nothing was ready");
    expect((await store().attempts(first.id)).map(({ number }) => number)).toEqual([1]);
    await store().settle(second.id, 2, settlementOf(second, completed, 102_000));
    expect(await store().attempts(first.id)).toEqual([
      {
        number: 1,
        worker: "worker-1",
        startedAt: 2_000,
        endedAt: 5_000,
        outcome: "failed",
        errorKind: "handler",
        error: "Error: no",
        stack: "at run",
      },
      {
        number: 2,
        worker: "worker-1",
        startedAt: 101_000,
        endedAt: 102_000,
        outcome: "completed",
        errorKind: null,
        error: null,
        stack: null,
      },
    ]);
  });
}

function testList(store: () => Store): void {
  const funcNames = ["a", "b"];

  async function fill(): Promise<Task[]> {
    const kinds = [...statuses, ...statuses].flatMap((status) =>
      funcNames.map((funcName) => aTask({ status, funcName })),
    );
    await store().insert(kinds, unlimited);
    return kinds.reverse();
  }

  async function pages(filter: ListFilter): Promise<(readonly Task[])[]> {
    const found: (readonly Task[])[] = [];
    for (let page = await store().list(filter); ; page = await store().list({ ...filter, cursor: page.next })) {
      found.push(page.tasks);
      if (page.next === null) return found;
    }
  }

  test("is empty at first, without a next page", async () => {
    expect(await store().list({ limit: 10 })).toEqual({ tasks: [], next: null });
  });

  test.each([1, 3, 14, 100])(
    "gives the newest first, by status, by handler and by both, in pages of %i",
    async (limit) => {
      const newestFirst = await fill();
      for (const status of [undefined, "queued", "failed"] as const) {
        for (const funcName of [undefined, "a", "none"]) {
          const filter = { limit, ...(status && { statuses: [status] }), ...(funcName && { funcName }) };
          const wanted = newestFirst.filter(
            (task) => task.status === (status ?? task.status) && task.funcName === (funcName ?? task.funcName),
          );
          const found = await pages(filter);
          expect(found.flat()).toEqual(wanted);
          // Full pages, and no empty one at the end.
          expect(found.length).toBe(Math.max(1, Math.ceil(wanted.length / limit)));
        }
      }
    },
  );

  test.each([1, 4, 100])("merges the tasks of any number of handlers by their age, in pages of %i", async (limit) => {
    const kinds = [..."ccabdbbbaeacc"].map((funcName, n) =>
      aTask({ funcName, status: n % 4 === 1 ? "failed" : "queued" }),
    );
    await store().insert(kinds, unlimited);
    for (const status of ["queued", "failed", "running"] as const) {
      const wanted = kinds.filter((task) => task.status === status).reverse();
      expect((await pages({ statuses: [status], limit })).flat()).toEqual(wanted);
    }
  });

  test("stays in place while newer tasks come", async () => {
    const old = await inserted(store());
    const middle = await inserted(store());
    const { next } = await store().list({ limit: 1 });
    await inserted(store());
    expect(ids((await store().list({ limit: 5, cursor: next ?? "" })).tasks)).toEqual([old.id]);
    expect(middle.id).not.toBe(old.id);
  });

  test.each(["", "!", "0", "-1", "01", "A", "1.5", "zzzzzzzzzzzzzzzz", "1 ", "\0"])(
    "refuses the cursor %j",
    async (cursor) => {
      const refusal = await store()
        .list({ limit: 1, cursor })
        .catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(TaskflowError);
      expect(refusal).toMatchObject({ code: "validation_failed", faults: [{ path: "/cursor" }] });
    },
  );

  test("ends a page early when its tasks are large", async () => {
    const kwargs = jsonText({ text: "x".repeat(6 * 1024 * 1024) });
    const tasks = [1, 2, 3, 4].map(() => aTask({ kwargs }));
    await store().insert(tasks, unlimited);
    const found = await pages({ limit: 100 });
    expect(found.map(({ length }) => length)).toEqual([3, 1]);
    expect(ids(found.flat())).toEqual(ids(tasks).reverse());
  });
}

function testClose(store: () => Store): void {
  test("waits for the writes under way", async () => {
    const writes = [1, 2, 3].map(() => store().insert([aTask()], unlimited));
    await store().close();
    expect(await Promise.all(writes)).toEqual([true, true, true]);
  });

  test("refuses what comes later, and may be called again", async () => {
    await Promise.all([store().close(), store().close()]);
    await store().close();
    for (const refused of [
      store().insert([aTask()], unlimited),
      store().find("x"),
      store().counts(),
      store().stats(),
    ]) {
      expect(await refused.catch((error: unknown) => error)).toMatchObject({ code: "store_unavailable" });
    }
  });
}
