import { describe, expect, test } from "bun:test";
import { defaultBackoff } from "../../src/domain/retry.ts";
import { settle } from "../../src/domain/transition.ts";
import { createMeter, mostHandlers, otherHandlers } from "../../src/engine/metrics.ts";
import { aSubmission, testEngine } from "../support/engine.ts";
import { aTask } from "../support/tasks.ts";

describe("the counts", () => {
  test("say how many tasks are in each status, how many ever came and how many claims there were", async () => {
    const engine = await testEngine({ slots: 1 });
    const [first, second] = await engine.submit([aSubmission(), aSubmission({ maxRetries: 0 })]);
    await engine.add({ delayMs: 60_000 });
    await engine.next("task_started", first?.id ?? "");
    engine.runner.of(first?.id ?? "").complete();
    await engine.next("task_started", second?.id ?? "");
    engine.runner.of(second?.id ?? "").fail();
    const third = await engine.add();
    await engine.next("task_started", third.id);
    const fourth = await engine.add();
    await engine.add();
    await engine.cancel(fourth.id);
    expect((await engine.metrics()).counts).toEqual({
      byStatus: { pending: 1, queued: 1, running: 1, retrying: 0, completed: 1, failed: 1, cancelled: 1 },
      enqueued: 6,
      dequeued: 3,
    });
  });

  test("come with the slots, the workers and the time", async () => {
    const engine = await testEngine({ slots: 3 });
    const task = await engine.add();
    await engine.next("task_started", task.id);
    await engine.clock.advance(5_000);
    engine.runner.late = 2;
    expect(await engine.metrics()).toMatchObject({
      slots: 3,
      workers: [{ id: "w1", state: "busy", tasks: [task.id] }],
      discarded: 2,
      now: engine.clock.now(),
    });
  });
});

test("the kills are counted by cause, and what heeds its abort is none", async () => {
  const engine = await testEngine({ slots: 10, settings: { killGraceMs: 2_000 } });
  const start = async (onAbort: "ignore" | "throw") => {
    engine.runner.onAbort = onAbort;
    const task = await engine.add({ timeoutMs: 1_000, maxRetries: 0 });
    await engine.next("task_started", task.id);
    return task.id;
  };
  await start("throw");
  await start("ignore");
  await engine.cancel(await start("ignore"));
  await engine.cancel(await start("throw"));
  engine.runner.of(await start("throw")).fail("MemoryLimitError: too much", { errorKind: "memory" });
  engine.runner.of(await start("throw")).fail("WorkerCrashError: exit", { errorKind: "crashed" });
  await engine.clock.advance(10_000);
  expect((await engine.metrics()).kills).toEqual({ timeout: 1, cancelled: 1, shutdown: 0, memory: 1, crashed: 1 });
});

describe("the handlers' metrics", () => {
  test("count attempts by how they ended", async () => {
    const engine = await testEngine();
    const task = await engine.add({ timeoutMs: 1_000 });
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).fail();
    await engine.next("task_retrying", task.id);
    await engine.clock.advance(1_000);
    await engine.clock.advance(1_000);
    await engine.next("task_retrying", task.id, 2);
    await engine.clock.advance(2_000);
    engine.runner.of(task.id).end({ kind: "interrupted", reason: "?", workerDied: false });
    await engine.next("task_started", task.id, 4);
    engine.runner.of(task.id).complete();
    const other = await engine.add({ funcName: "add_numbers", args: [1, 2] });
    await engine.next("task_started", other.id);
    await engine.cancel(other.id);
    await engine.next("task_cancelled", other.id);
    const { handlers } = await engine.metrics();
    expect(handlers.echo?.outcomes).toEqual({ failed: 1, timed_out: 1, interrupted: 1, completed: 1 });
    expect(handlers.add_numbers?.outcomes).toEqual({ cancelled: 1 });
  });

  test("time the wait from due to started and the run from there to its end, in seconds", async () => {
    const engine = await testEngine();
    const first = await engine.add();
    await engine.next("task_started", first.id);
    const second = await engine.add({ funcName: "add_numbers", args: [1, 2], delayMs: 500 });
    await engine.clock.advance(2_000);
    engine.runner.of(first.id).complete();
    await engine.next("task_started", second.id);
    await engine.clock.advance(250);
    engine.runner.of(second.id).complete();
    await engine.next("task_completed", second.id);
    const { handlers } = await engine.metrics();
    expect(handlers.echo).toMatchObject({ wait: { p50: 0, p99: 0 }, run: { p50: 2, p99: 2 } });
    expect(handlers.add_numbers).toMatchObject({ wait: { p50: 1.5, p99: 1.5 }, run: { p50: 0.25, p99: 0.25 } });
  });

  test("do not count what was discarded or given back", async () => {
    const engine = await testEngine();
    const task = await engine.add({ delayMs: 1_000 });
    engine.catalog.remove("echo");
    await engine.clock.advance(2_000);
    expect(await engine.find(task.id)).toMatchObject({ status: "pending" });
    expect((await engine.metrics()).handlers).toEqual({});
  });
});

describe("the measures", () => {
  test("tell of each handler its attempts, finished tasks and retries, with the times they took", async () => {
    const engine = await testEngine({ slots: 1 });
    const task = await engine.add({ maxRetries: 1 });
    await engine.next("task_started", task.id);
    const waiting = await engine.add({ funcName: "add_numbers", args: [1, 2] });
    await engine.cancel(waiting.id);
    await engine.clock.advance(400);
    engine.runner.of(task.id).fail();
    await engine.next("task_retrying", task.id);
    await engine.clock.advance(2_000);
    engine.runner.of(task.id).complete();
    await engine.next("task_completed", task.id);
    const { handlers, store } = await engine.measures();
    expect(handlers.get("echo")).toMatchObject({
      finished: { completed: 1, failed: 0, cancelled: 0 },
      retries: 1,
      run: { sum: expect.closeTo(1.4) },
    });
    expect(handlers.get("echo")?.outcomes).toEqual(
      new Map([
        ["failed", 1],
        ["completed", 1],
      ]),
    );
    expect(handlers.get("echo")?.wait.counts.reduce((sum, count) => sum + count)).toBe(2);
    expect(handlers.get("add_numbers")?.finished).toEqual({ completed: 0, failed: 0, cancelled: 1 });
    expect(store.writes).toBeGreaterThan(0);
  });

  test("tell only so many handlers apart, however many come and go", () => {
    const meter = createMeter();
    for (let n = 0; n < mostHandlers + 50; n++) meter.cancelled(aTask({ funcName: `handler_${n}` }));
    meter.cancelled(aTask({ funcName: "handler_0" }));
    expect(meter.measures.size).toBe(mostHandlers + 1);
    expect(meter.measures.get("handler_0")?.finished.cancelled).toBe(2);
    expect(meter.measures.get(otherHandlers)?.finished.cancelled).toBe(50);
  });
});

describe("percentiles", () => {
  /** A meter that saw attempts of these lengths, in milliseconds. */
  function meterOf(runsMs: readonly number[]) {
    const meter = createMeter();
    for (const runMs of runsMs) {
      const task = aTask({ status: "running", runAt: 0, startedAt: 0, attempt: 1 });
      const options = { now: runMs, worker: "w1", backoff: defaultBackoff, random: 0.5 };
      meter.settled(task, settle(task, { kind: "completed", result: null }, options));
    }
    return meter.handlers().add_numbers?.run;
  }

  test("are those values that so many of a hundred do not exceed", () => {
    const shuffled = Array.from({ length: 100 }, (_, index) => (((index * 37) % 100) + 1) * 1_000);
    expect(meterOf(shuffled)).toEqual({ p50: 50, p95: 95, p99: 99 });
  });

  test("of one value are that value", () => {
    expect(meterOf([1_500])).toEqual({ p50: 1.5, p95: 1.5, p99: 1.5 });
  });

  test("are taken over the latest thousand attempts", () => {
    const long = Array.from({ length: 1_000 }, () => 9_000);
    const short = Array.from({ length: 1_000 }, () => 1_000);
    expect(meterOf([...long, ...short])).toEqual({ p50: 1, p95: 1, p99: 1 });
    expect(meterOf([...short, ...long.slice(0, 20)])).toEqual({ p50: 1, p95: 1, p99: 9 });
  });
});
