import { describe, expect, test } from "bun:test";
import { statuses, type Task } from "../../src/domain/task.ts";
import type { Store, TaskFilter } from "../../src/storage/store.ts";
import { aTask } from "../support/tasks.ts";
import { upTo } from "./limits.ts";
import { ids, unlimited } from "./steps.ts";

const dayMs = 86_400_000;
const start = Date.UTC(2030, 0, 1);

export function testFilters(store: () => Store): void {
  /** Tasks of four days, the oldest first, in every status, of several handlers and priorities. */
  async function fill(): Promise<Task[]> {
    const tasks = Array.from({ length: 84 }, (_, n) => {
      const createdAt = start + n * (dayMs / 20);
      const status = statuses[n % statuses.length] ?? "queued";
      return aTask({
        id: Bun.randomUUIDv7("hex", createdAt),
        createdAt,
        status,
        funcName: ["mail", "mail:send", "Report"][n % 3] ?? "",
        priority: n % 2 === 0 ? 0 : 3,
        error: status === "failed" || status === "retrying" ? `TypeError: 50% of ${n} is_odd` : null,
        periodicTask: n % 5 === 0 ? "nightly" : null,
      });
    });
    await store().insert(tasks, unlimited);
    return tasks.reverse();
  }

  async function all(filter: TaskFilter, limit: number): Promise<readonly Task[]> {
    const found: Task[] = [];
    for (let cursor: { cursor?: string } | null = {}; cursor !== null; ) {
      const page = await store().list({ ...filter, limit, ...cursor });
      expect(page.tasks.length).toBeLessThanOrEqual(limit);
      found.push(...page.tasks);
      cursor = page.next === null ? null : { cursor: page.next };
    }
    return found;
  }

  const error = (task: Task) => task.error?.toLowerCase() ?? "";
  const kinds: readonly [string, TaskFilter, (task: Task) => boolean][] = [
    ["several statuses", { statuses: ["failed", "cancelled"] }, ({ status }) => /failed|cancelled/.test(status)],
    ["no status at all", { statuses: [] }, () => false],
    ["a priority", { priority: 0 }, ({ priority }) => priority === 0],
    ["a first time", { createdAfter: start + dayMs }, ({ createdAt }) => createdAt >= start + dayMs],
    ["an end", { createdBefore: start + dayMs }, ({ createdAt }) => createdAt < start + dayMs],
    ["an error in other capitals", { error: "tYPEeRROR: 50" }, (task) => error(task).includes("typeerror: 50")],
    ["what elsewhere stands for anything", { error: "%" }, (task) => error(task).includes("%")],
    ["an error of none", { error: "5_%" }, () => false],
    ["a periodic task", { periodicTask: "nightly" }, ({ periodicTask }) => periodicTask === "nightly"],
    ["a part of a name", { search: "mai" }, ({ funcName }) => funcName.startsWith("mail")],
    ["a part of a name in other capitals", { search: "REPO" }, ({ funcName }) => funcName === "Report"],
    ["a name of none", { search: "a%l" }, () => false],
  ];

  test.each(kinds)("by %s, alone and with others, on pages of any size", async (_, filter, isIt) => {
    const newestFirst = await fill();
    for (const limit of [1, 7, 1_000]) {
      expect(ids(await all(filter, limit))).toEqual(ids(newestFirst.filter(isIt)));
      const narrower: TaskFilter = { statuses: ["failed", "queued"], funcName: "mail:send", ...filter };
      const wanted = newestFirst.filter(
        (task) =>
          isIt(task) && task.funcName === "mail:send" && (narrower.statuses ?? []).some((one) => one === task.status),
      );
      expect(ids(await all(narrower, limit))).toEqual(ids(wanted));
      const both = { createdAfter: start + dayMs, createdBefore: start + 2 * dayMs, ...filter };
      const ofDay = newestFirst.filter(
        (task) => isIt(task) && task.createdAt >= both.createdAfter && task.createdAt < both.createdBefore,
      );
      expect(ids(await all(both, limit))).toEqual(ids(ofDay));
    }
  });

  test("by an id, whole or its beginning", async () => {
    const newestFirst = await fill();
    for (const task of newestFirst) {
      for (const search of [task.id, task.id.slice(0, 12), task.id.slice(0, 8).toUpperCase()]) {
        const wanted = newestFirst.filter(({ id }) => id.startsWith(search.toLowerCase()));
        expect(ids(await all({ search }, 2))).toEqual(ids(wanted));
      }
    }
    expect(await all({ search: "ffffffff" }, 2)).toEqual([]);
  });

  test("by time, though the clock was set back by some seconds as tasks came", async () => {
    const times = [0, 10_000, 20_000, 5_000, 15_000, 25_000].map((ms) => start + ms);
    const tasks = times.map((createdAt) => aTask({ id: Bun.randomUUIDv7("hex", createdAt), createdAt }));
    await store().insert(tasks, unlimited);
    const newestFirst = tasks.toReversed();
    for (const at of times) {
      expect(ids(await all({ createdAfter: at }, 2))).toEqual(ids(newestFirst.filter((task) => task.createdAt >= at)));
      expect(ids(await all({ createdBefore: at }, 2))).toEqual(ids(newestFirst.filter((task) => task.createdAt < at)));
    }
  });

  describe("count", () => {
    test.each(kinds)("counts what the page has, by %s", async (_, filter, isIt) => {
      const newestFirst = await fill();
      expect(await store().count({ ...filter, limit: 1_000 })).toEqual({
        count: newestFirst.filter(isIt).length,
        next: null,
      });
      const page = await store().list({ ...filter, limit: 3 });
      expect(await store().count({ ...filter, limit: 3 })).toEqual({ count: page.tasks.length, next: page.next });
    });
  });

  test("failures are the last that failed since a time, whatever ran or was cancelled meanwhile", async () => {
    const ended = [5_000, 9_000, 7_000, 7_000].map((completedAt, n) =>
      aTask({ status: "failed", completedAt, error: `Error: ${n}${"x".repeat(5_000)}`, errorKind: "handler" }),
    );
    const others = [aTask({ status: "cancelled", completedAt: 8_000 }), aTask({ status: "running", startedAt: 8_000 })];
    await store().insert([...ended, ...others], unlimited);
    const [early, last, first, second] = ended.map(({ id }) => id);
    const found = await store().failures(7_000, 10);
    expect(found.map(({ id }) => id)).toEqual([last, second, first].map(String));
    expect(found[0]).toMatchObject({ funcName: "add_numbers", errorKind: "handler", failedAt: 9_000 });
    expect(found[0]?.error).toStartWith("Error: 1xxx");
    expect(found[0]?.error?.length).toBeLessThanOrEqual(1_000);
    expect((await store().failures(0, 10)).map(({ id }) => id)).toContain(String(early));
    expect(await store().failures(0, 2)).toEqual(found.slice(0, 2));
  });

  test("ahead counts what is claimed before a task, and no more than it may", async () => {
    const make = (priority: 0 | 2, runAt: number) => aTask({ priority, runAt });
    const tasks = [make(2, 2_000), make(2, 1_000), make(0, 9_000), make(2, 1_000), make(2, 3_000)];
    await store().insert([...tasks, aTask({ status: "pending" }), aTask({ status: "running" })], unlimited);
    const order = (await store().list({ statuses: ["queued"], limit: 10 })).tasks.length;
    const places = await Promise.all(tasks.map(({ id }) => store().ahead(id, 10)));
    expect(places).toEqual([3, 1, 0, 2, order - 1]);
    expect(await store().ahead(tasks[4]?.id ?? "", 2)).toBe(2);
    expect(await store().ahead("gone", 10)).toBe(0);
    const claimedFirst = (await store().claim(upTo(5), 1)).map(({ id }) => id);
    expect(claimedFirst).toEqual([2, 1, 3, 0, 4].map((n) => String(tasks[n]?.id)));
    expect(await store().ahead(claimedFirst[4] ?? "", 10)).toBe(0);
  });
}
