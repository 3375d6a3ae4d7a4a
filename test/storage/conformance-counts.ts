import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Store } from "../../src/storage/store.ts";
import { upTo } from "./limits.ts";
import { randomSteps, takeSteps } from "./random-steps.ts";
import { claimed, completed, countByStatus, inserted, settlementOf } from "./steps.ts";

/** `open` gives an empty store each time. */
export function testCounts(open: () => Promise<Store>): void {
  describe("counts", () => {
    test("are all zero at first, and follow a task through its life", async () => {
      const store = await open();
      expect(await store.counts()).toEqual({ byStatus: countByStatus([]), enqueued: 0, dequeued: 0 });
      const task = await claimed(store);
      await inserted(store);
      expect(await store.counts()).toMatchObject({ byStatus: { queued: 1, running: 1 }, enqueued: 2, dequeued: 1 });
      await store.settle(task.id, 1, settlementOf(task, completed));
      expect(await store.counts()).toMatchObject({ byStatus: { running: 0, completed: 1 }, enqueued: 2, dequeued: 1 });
      await store.prune({ completedBefore: 10_000, failedBefore: 0 }, 10);
      expect(await store.counts()).toMatchObject({ byStatus: { completed: 0 }, enqueued: 2, dequeued: 1 });
      await store.close();
    });

    test("come with how much was written, how large it is and how long the oldest task waits", async () => {
      const store = await open();
      expect(await store.stats()).toMatchObject({ writes: 0, failedCommits: 0, oldestQueuedAt: null });
      await inserted(store, { priority: 1, runAt: 3_000 });
      await inserted(store, { priority: 2, runAt: 2_000 });
      await inserted(store, { status: "pending", runAt: 1_000 });
      const stats = await store.stats();
      expect(stats).toMatchObject({ writes: 3, failedCommits: 0, oldestQueuedAt: 2_000 });
      expect(stats.databaseBytes).toBeGreaterThan(0);
      expect(stats.commitSeconds.counts.reduce((sum, count) => sum + count)).toBe(3);
      expect((await store.claim(upTo(2), 5_000)).length).toBe(2);
      expect(await store.stats()).toMatchObject({ oldestQueuedAt: null });
      await store.close();
    });

    test("equal the tasks there are, after any sequence of writes", async () => {
      await fc.assert(
        fc.asyncProperty(randomSteps, async (steps) => {
          const store = await open();
          const { enqueued, dequeued } = await takeSteps(store, steps);
          const { tasks } = await store.list({ limit: 1_000 });
          expect(await store.counts()).toEqual({ byStatus: countByStatus(tasks), enqueued, dequeued });
          await store.close();
        }),
        { numRuns: 20 },
      );
    }, 60_000);
  });
}
