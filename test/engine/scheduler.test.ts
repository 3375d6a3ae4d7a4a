import { describe, expect, test } from "bun:test";
import { aSubmission, testEngine } from "../support/engine.ts";

describe("a task with a delay", () => {
  test("waits as pending, is queued when it is due and not a millisecond before", async () => {
    const engine = await testEngine();
    const task = await engine.add({ delayMs: 5_000 });
    expect(task).toMatchObject({ status: "pending", runAt: engine.clock.now() + 5_000 });
    await engine.clock.advance(4_999);
    expect(await engine.find(task.id)).toMatchObject({ status: "pending" });
    await engine.clock.advance(1);
    expect(engine.runner.order).toEqual([task.id]);
    expect(engine.heardOf(task.id)).toEqual(["task_queued", "task_queued", "task_started"]);
    expect(await engine.find(task.id)).toMatchObject({ startedAt: task.runAt, runAt: task.runAt });
  });

  test("of a fraction of a millisecond is not early either", async () => {
    const engine = await testEngine();
    const task = await engine.add({ delayMs: 0.25 });
    expect(task).toMatchObject({ status: "pending", runAt: engine.clock.now() + 1 });
    await engine.clock.advance(1);
    expect(engine.runner.order).toEqual([task.id]);
  });

  test("longer than any sleep of the scheduler still starts on time", async () => {
    const engine = await testEngine();
    const task = await engine.add({ delayMs: 150_000 });
    await engine.clock.advance(149_999);
    expect(engine.runner.order).toEqual([]);
    await engine.clock.advance(1);
    expect(engine.runner.order).toEqual([task.id]);
  });
});

describe("a task with a time", () => {
  test("starts at that time", async () => {
    const engine = await testEngine();
    const runAt = engine.clock.now() + 1_234;
    const task = await engine.add({ runAt });
    expect(task).toMatchObject({ status: "pending", runAt });
    await engine.clock.advance(1_233);
    expect(engine.runner.order).toEqual([]);
    await engine.clock.advance(1);
    expect(engine.runner.order).toEqual([task.id]);
  });

  test("that has passed, or is now, is due now", async () => {
    const engine = await testEngine({ started: false });
    const now = engine.clock.now();
    expect(await engine.add({ runAt: now - 1_000 })).toMatchObject({ status: "queued", runAt: now });
    expect(await engine.add({ runAt: now })).toMatchObject({ status: "queued", runAt: now });
  });
});

describe("the scheduler", () => {
  test("wakes for the nearest task, whatever the order of submission", async () => {
    const engine = await testEngine({ slots: 3 });
    const [late, early, middle] = await engine.submit(
      [30_000, 10_000, 20_000].map((delayMs) => aSubmission({ delayMs })),
    );
    await engine.clock.advance(10_000);
    expect(engine.runner.order).toEqual([early?.id ?? ""]);
    await engine.clock.advance(10_000);
    expect(engine.runner.order).toEqual([early?.id ?? "", middle?.id ?? ""]);
    await engine.clock.advance(10_000);
    expect(engine.runner.order).toEqual([early?.id ?? "", middle?.id ?? "", late?.id ?? ""]);
  });

  test("queues any number of tasks that are due at once", async () => {
    const engine = await testEngine({ slots: 0 });
    await engine.submit(Array.from({ length: 1_001 }, () => aSubmission({ delayMs: 1_000 })));
    await engine.clock.advance(1_010);
    expect((await engine.metrics()).counts.byStatus).toMatchObject({ pending: 0, queued: 1_001 });
  });

  test("picks up at the start what became due while nobody looked", async () => {
    const engine = await testEngine({ started: false });
    const task = await engine.add({ delayMs: 5_000 });
    const ahead = await engine.add({ delayMs: 60_000 });
    await engine.clock.advance(20_000);
    await engine.start();
    await engine.clock.advance(1);
    expect(engine.runner.order).toEqual([task.id]);
    engine.runner.of(task.id).complete();
    await engine.clock.advance(39_999);
    expect(engine.runner.order).toEqual([task.id, ahead.id]);
  });

  test("misses nothing that becomes due while it looks for the next", async () => {
    const engine = await testEngine();
    const release = engine.faults.hold("nextDue");
    await engine.clock.advance(1);
    const task = await engine.add({ delayMs: 5_000 });
    await engine.clock.advance(10_000);
    release();
    await engine.clock.advance(1);
    expect(engine.runner.order).toEqual([task.id]);
  });

  test("notices within a minute that the clock was set forward", async () => {
    const engine = await testEngine();
    const task = await engine.add({ delayMs: 7_200_000 });
    await engine.clock.advance(120_000);
    engine.clock.jump(7_200_000);
    await engine.clock.advance(60_000);
    expect(engine.runner.order).toEqual([task.id]);
  });

  test("starts what comes after the clock was set forward at its time", async () => {
    const engine = await testEngine();
    await engine.clock.advance(1_000);
    engine.clock.jump(3_600_000);
    const task = await engine.add({ delayMs: 700 });
    await engine.clock.advance(699);
    expect(engine.runner.order).toEqual([]);
    await engine.clock.advance(1);
    expect(engine.runner.order).toEqual([task.id]);
  });

  test("queues in a few steps what the clock, set forward, made due all at once, and runs no more than there is room for", async () => {
    const engine = await testEngine({ slots: 2 });
    await engine.submit(Array.from({ length: 1_200 }, () => aSubmission({ delayMs: 1_800_000 })));
    await engine.clock.advance(1_000);
    const before = { promote: engine.faults.calls("promote"), claim: engine.faults.calls("claim") };
    engine.clock.jump(3_600_000);
    await engine.clock.advance(60_000);
    expect((await engine.metrics()).counts.byStatus).toMatchObject({ pending: 0, queued: 1_198, running: 2 });
    expect(engine.faults.calls("promote") - before.promote).toBeLessThanOrEqual(4);
    expect(engine.faults.calls("claim") - before.claim).toBeLessThanOrEqual(63);
  });

  test("starts nothing early when the clock was set back", async () => {
    const engine = await testEngine();
    const task = await engine.add({ delayMs: 5_000 });
    engine.clock.jump(-3_600_000);
    await engine.clock.advance(3_604_999);
    expect(engine.runner.order).toEqual([]);
    await engine.clock.advance(1);
    expect(engine.runner.order).toEqual([task.id]);
  });

  test("does not look at the store more than once a minute when nothing waits", async () => {
    const engine = await testEngine();
    await engine.clock.advance(1_000);
    const before = engine.faults.calls("promote");
    await engine.clock.advance(600_000);
    expect(engine.faults.calls("promote") - before).toBe(10);
  });
});
