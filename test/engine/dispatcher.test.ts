import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Priority, priorities, type Task } from "../../src/domain/task.ts";
import { aSubmission, type TestEngine, testEngine } from "../support/engine.ts";

/** Fills every slot, so that what is submitted next has to wait. */
async function occupy(engine: TestEngine): Promise<readonly Task[]> {
  const blockers = await engine.submit(Array.from({ length: engine.runner.slots }, () => aSubmission()));
  for (const { id } of blockers) await engine.next("task_started", id);
  return blockers;
}

/** Completes what runs, one attempt after the other, until nothing is left. */
async function workThrough(engine: TestEngine): Promise<void> {
  for (let [attempt] = engine.runner.running; attempt !== undefined; [attempt] = engine.runner.running) {
    attempt.complete();
    await engine.next("task_completed", attempt.request.taskId);
    await engine.clock.settle();
  }
}

describe("the order of dispatch", () => {
  test("is critical, high, normal, low", async () => {
    const engine = await testEngine();
    const [blocker] = await occupy(engine);
    const ids = new Map<Priority, string>();
    for (const priority of [3, 2, 0, 1] as const) ids.set(priority, (await engine.add({ priority })).id);
    await workThrough(engine);
    const byPriority = Object.values(priorities).map((priority) => ids.get(priority));
    expect(engine.runner.order).toEqual([blocker?.id, ...byPriority].filter((id) => id !== undefined));
  });

  test("is due time before submission within a priority", async () => {
    const engine = await testEngine();
    await occupy(engine);
    const late = await engine.add({ delayMs: 2_000 });
    const early = await engine.add({ delayMs: 1_000 });
    const now = await engine.add();
    await engine.clock.advance(3_000);
    await workThrough(engine);
    expect(engine.runner.order.slice(1)).toEqual([now.id, early.id, late.id]);
  });

  test("of a retry is by the end of its backoff", async () => {
    const engine = await testEngine();
    const retried = await engine.add();
    await engine.next("task_started", retried.id);
    const [blocker] = await engine.submit([aSubmission()]);
    engine.runner.of(retried.id).fail();
    await engine.next("task_retrying", retried.id);
    await engine.clock.advance(500);
    const before = await engine.add();
    await engine.clock.advance(500);
    const after = await engine.add();
    await engine.clock.advance(500);
    await workThrough(engine);
    expect(engine.runner.order).toEqual([retried.id, blocker?.id ?? "", before.id, retried.id, after.id]);
  });

  test("is strict for any tasks that wait when a slot comes free", async () => {
    const submission = fc.record({
      priority: fc.constantFrom<Priority | null>(0, 1, 2, 3, null),
      delayMs: fc.constantFrom(0, 0, 0, 1, 500, 1_000, 1_000.5),
      waitMs: fc.constantFrom(0, 0, 0, 1, 700),
    });
    const batches = fc.array(fc.array(submission, { minLength: 1, maxLength: 4 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(batches, fc.integer({ min: 1, max: 3 }), async (given, slots) => {
        const engine = await testEngine({ slots });
        const blockers = await occupy(engine);
        const waiting: Task[] = [];
        for (const batch of given) {
          waiting.push(
            ...(await engine.submit(batch.map(({ priority, delayMs }) => aSubmission({ priority, delayMs })))),
          );
          await engine.clock.advance(Math.max(...batch.map(({ waitMs }) => waitMs)));
        }
        await engine.clock.advance(2_000);
        await workThrough(engine);
        const expected = waiting.toSorted((a, b) => a.priority - b.priority || a.runAt - b.runAt).map(({ id }) => id);
        expect(engine.runner.order).toEqual([...blockers.map(({ id }) => id), ...expected]);
      }),
      { numRuns: 50 },
    );
  }, 30_000);
});

describe("the slots", () => {
  test("are all used, and no more", async () => {
    const engine = await testEngine({ slots: 3 });
    const tasks = await engine.submit(Array.from({ length: 5 }, () => aSubmission()));
    await engine.clock.settle();
    expect(engine.runner.order).toEqual(tasks.slice(0, 3).map(({ id }) => id));
    expect((await engine.metrics()).counts.byStatus).toMatchObject({ running: 3, queued: 2 });
  });

  test("are filled one by one as they come free, without waiting for a poll", async () => {
    const engine = await testEngine({ slots: 2 });
    const tasks = await engine.submit(Array.from({ length: 4 }, () => aSubmission()));
    await engine.clock.settle();
    const [first] = engine.runner.attempts;
    first?.complete();
    await engine.next("task_started", tasks[2]?.id ?? "");
    expect(engine.runner.running).toHaveLength(2);
    expect(engine.runner.order).toEqual(tasks.slice(0, 3).map(({ id }) => id));
  });

  test("that are none leave everything waiting", async () => {
    const engine = await testEngine({ slots: 0 });
    const task = await engine.add();
    await engine.clock.advance(5_000);
    expect(await engine.find(task.id)).toMatchObject({ status: "queued" });
    expect(engine.faults.calls("claim")).toBe(0);
  });
});

describe("looking for work", () => {
  test("starts what was queued before the start", async () => {
    const engine = await testEngine({ started: false });
    const task = await engine.add();
    await engine.clock.settle();
    expect(engine.runner.attempts).toHaveLength(0);
    await engine.start();
    await engine.next("task_started", task.id);
  });

  test("happens once a second when nobody said that there is some", async () => {
    const engine = await testEngine();
    await engine.clock.settle();
    const before = engine.faults.calls("claim");
    await engine.clock.advance(999);
    expect(engine.faults.calls("claim")).toBe(before);
    await engine.clock.advance(1);
    expect(engine.faults.calls("claim")).toBe(before + 1);
    await engine.clock.advance(3_000);
    expect(engine.faults.calls("claim")).toBe(before + 4);
  });

  test("finds what another hand has queued", async () => {
    const engine = await testEngine();
    await engine.clock.settle();
    const other = await testEngine({ store: engine.store, clock: engine.clock, started: false });
    const task = await other.add();
    await engine.clock.advance(1_000);
    expect(engine.runner.order).toEqual([task.id]);
  });

  test("is not done in vain after a settlement when nothing waits", async () => {
    const engine = await testEngine({ slots: 2 });
    const task = await engine.add();
    await engine.next("task_started", task.id);
    await engine.clock.settle();
    const before = engine.faults.calls("claim");
    engine.runner.of(task.id).complete();
    await engine.next("task_completed", task.id);
    await engine.clock.settle();
    expect(engine.faults.calls("claim")).toBe(before);
  });
});
