import { describe, expect, test } from "bun:test";
import { aSubmission, testEngine } from "../support/engine.ts";

describe("cancelling a task that waits", () => {
  test("ends it at once, when it is queued", async () => {
    const engine = await testEngine({ slots: 0 });
    const task = await engine.add();
    const cancelled = await engine.cancel(task.id);
    expect(cancelled).toMatchObject({ status: "cancelled", completedAt: engine.clock.now(), attempt: 0 });
    expect(await engine.find(task.id)).toEqual(cancelled);
    expect(engine.heardOf(task.id)).toEqual(["task_queued", "task_cancelled"]);
    expect(engine.lines.at(-1)).toMatchObject({
      level: "info",
      message: "task cancelled",
      fields: { task_id: task.id },
    });
  });

  test("ends it at once, when it is pending, and it never runs", async () => {
    const engine = await testEngine();
    const task = await engine.add({ delayMs: 1_000 });
    expect(await engine.cancel(task.id)).toMatchObject({ status: "cancelled" });
    await engine.clock.advance(10_000);
    expect(engine.runner.attempts).toHaveLength(0);
  });

  test("ends it at once, when it waits for a retry, and keeps its error", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).fail();
    await engine.next("task_retrying", task.id);
    expect(await engine.cancel(task.id)).toMatchObject({ status: "cancelled", error: "Error: no", retryCount: 1 });
    await engine.clock.advance(10_000);
    expect(engine.runner.attempts).toHaveLength(1);
  });
});

describe("cancelling a task that runs", () => {
  test("aborts it, and it is cancelled when its handler has ended", async () => {
    const engine = await testEngine();
    await engine.clock.advance(1);
    const idle = engine.clock.pending;
    const task = await engine.add();
    await engine.next("task_started", task.id);
    const attempt = engine.runner.of(task.id);
    expect(await engine.cancel(task.id)).toMatchObject({ status: "running", cancelRequested: true });
    expect(attempt.aborts).toEqual(["cancelled"]);
    const { task: cancelled } = await engine.next("task_cancelled", task.id);
    expect(cancelled).toMatchObject({ status: "cancelled", error: null, errorKind: null, retryCount: 0, result: null });
    expect(await engine.attempts(task.id)).toMatchObject([{ outcome: "cancelled" }]);
    expect(engine.clock.pending).toBe(idle);
    await engine.clock.advance(60_000);
    expect(attempt.kills).toBe(0);
    expect(engine.runner.attempts).toHaveLength(1);
  });

  test("kills a handler that ignores it after the grace, and not before", async () => {
    const engine = await testEngine({ settings: { killGraceMs: 2_000 } });
    engine.runner.onAbort = "ignore";
    const task = await engine.add();
    await engine.next("task_started", task.id);
    const attempt = engine.runner.of(task.id);
    await engine.cancel(task.id);
    await engine.clock.advance(1_999);
    expect(attempt).toMatchObject({ aborts: ["cancelled"], kills: 0 });
    expect(await engine.find(task.id)).toMatchObject({ status: "running", cancelRequested: true });
    await engine.clock.advance(1);
    expect(attempt.kills).toBe(1);
    await engine.next("task_cancelled", task.id);
  });

  test("stands although the handler completes within the grace", async () => {
    const engine = await testEngine();
    engine.runner.onAbort = "ignore";
    const task = await engine.add();
    await engine.next("task_started", task.id);
    await engine.cancel(task.id);
    engine.runner.of(task.id).complete("too late");
    expect((await engine.next("task_cancelled", task.id)).task).toMatchObject({ result: null });
  });

  test("a second time changes nothing", async () => {
    const engine = await testEngine();
    engine.runner.onAbort = "ignore";
    const task = await engine.add();
    await engine.next("task_started", task.id);
    await engine.cancel(task.id);
    await engine.clock.advance(1_500);
    expect(await engine.cancel(task.id)).toMatchObject({ status: "running" });
    expect(engine.runner.of(task.id)).toMatchObject({ aborts: ["cancelled"], kills: 0 });
    await engine.clock.advance(500);
    expect(engine.runner.of(task.id).kills).toBe(1);
  });

  test("in the grace of its timeout ends it without a retry, and no later", async () => {
    const engine = await testEngine();
    engine.runner.onAbort = "ignore";
    const task = await engine.add({ timeoutMs: 1_000 });
    await engine.next("task_started", task.id);
    await engine.clock.advance(2_500);
    await engine.cancel(task.id);
    expect(engine.runner.of(task.id).aborts).toEqual(["timeout"]);
    await engine.clock.advance(500);
    expect(engine.runner.of(task.id).kills).toBe(1);
    await engine.next("task_cancelled", task.id);
    expect(await engine.attempts(task.id)).toMatchObject([{ outcome: "timed_out" }]);
  });

  test("stays a cancellation when the timeout comes in its grace", async () => {
    const engine = await testEngine();
    engine.runner.onAbort = "ignore";
    const task = await engine.add({ timeoutMs: 1_000 });
    await engine.next("task_started", task.id);
    await engine.clock.advance(500);
    await engine.cancel(task.id);
    await engine.clock.advance(2_000);
    expect(engine.runner.of(task.id)).toMatchObject({ aborts: ["cancelled"], kills: 1 });
    expect((await engine.next("task_cancelled", task.id)).task).toMatchObject({ error: null });
  });
});

describe("cancelling a task that is being moved", () => {
  test("reaches it between its claim and its attempt", async () => {
    const engine = await testEngine();
    const release = engine.faults.hold("claim");
    const task = await engine.add();
    await engine.clock.settle();
    expect(await engine.store.find(task.id)).toMatchObject({ status: "running" });
    const cancelling = engine.cancel(task.id);
    await engine.clock.settle();
    expect(engine.runner.attempts).toHaveLength(0);
    release();
    expect(await cancelling).toMatchObject({ status: "running", cancelRequested: true });
    expect(engine.runner.of(task.id).aborts).toEqual(["cancelled"]);
    await engine.next("task_cancelled", task.id);
  });

  test("reaches it when its attempt fails in the same turn: it waits for no retry", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    const cancelling = engine.cancel(task.id);
    engine.runner.of(task.id).fail();
    expect(await cancelling).toMatchObject({ status: "cancelled" });
    expect(await engine.find(task.id)).toMatchObject({ status: "cancelled", error: "Error: no" });
    expect(engine.heardOf(task.id)).toEqual(["task_queued", "task_started", "task_retrying", "task_cancelled"]);
  });

  test("twice, when its attempt fails in the same turn, cancels it for both", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    const cancelling = [engine.cancel(task.id), engine.cancel(task.id)];
    engine.runner.of(task.id).fail();
    expect(await Promise.all(cancelling)).toMatchObject([{ status: "cancelled" }, { status: "cancelled" }]);
    expect(engine.heardOf(task.id).slice(2)).toEqual(["task_retrying", "task_cancelled"]);
  });

  test("reaches it while the end of its attempt cannot be written: it waits for no retry", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.faults.refuse("settle");
    engine.runner.of(task.id).fail();
    const cancelling = engine.cancel(task.id);
    await engine.clock.advance(2_500);
    engine.faults.heal();
    await engine.clock.advance(500);
    expect(await cancelling).toMatchObject({ status: "cancelled" });
    expect(await engine.find(task.id)).toMatchObject({ status: "cancelled" });
  });

  test("says so when its attempt completes in the same turn", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    const cancelling = engine.cancel(task.id);
    engine.runner.of(task.id).complete();
    await expect(cancelling).rejects.toMatchObject({ code: "task_final" });
    expect(await engine.find(task.id)).toMatchObject({ status: "completed" });
  });

  test("reaches it while its handler is gone and the claim is given back", async () => {
    const engine = await testEngine();
    const release = engine.faults.hold("claim");
    const task = await engine.add();
    await engine.clock.settle();
    engine.catalog.remove("echo");
    const cancelling = engine.cancel(task.id);
    await engine.clock.settle();
    release();
    expect(await cancelling).toMatchObject({ status: "cancelled" });
  });

  test("that is marked already and claimed again does not start it", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    await engine.store.cancel(task.id, engine.clock.now());
    engine.runner.of(task.id).fail();
    await engine.next("task_retrying", task.id);
    await engine.clock.advance(1_000);
    await engine.next("task_cancelled", task.id);
    expect(engine.runner.attempts).toHaveLength(1);
    expect(engine.heardOf(task.id).slice(2)).toEqual(["task_retrying", "task_queued", "task_cancelled"]);
  });
});

describe("cancelling is refused", () => {
  test.each(["completed", "failed", "cancelled"] as const)("once the task has %s", async (status) => {
    const engine = await testEngine();
    const task = await engine.add({ maxRetries: 0 });
    await engine.next("task_started", task.id);
    if (status === "completed") engine.runner.of(task.id).complete();
    if (status === "failed") engine.runner.of(task.id).fail();
    if (status === "cancelled") await engine.cancel(task.id);
    await engine.next(`task_${status}`, task.id);
    await expect(engine.cancel(task.id)).rejects.toMatchObject({
      code: "task_final",
      message: `The task is ${status} already and cannot be cancelled.`,
    });
    expect(engine.heardOf(task.id)).toHaveLength(3);
  });

  test("for a task that does not exist", async () => {
    const engine = await testEngine();
    await expect(engine.cancel("nope")).rejects.toMatchObject({ code: "unknown_task" });
  });

  test("while the store refuses, and the attempt goes on", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.faults.refuse("cancel");
    await expect(engine.cancel(task.id)).rejects.toMatchObject({ code: "store_unavailable" });
    expect(engine.runner.of(task.id).aborts).toEqual([]);
    engine.faults.heal();
    engine.runner.of(task.id).complete();
    await engine.next("task_completed", task.id);
  });
});

describe("clearing the queue", () => {
  test("cancels all that waits and nothing that runs", async () => {
    const engine = await testEngine();
    const running = await engine.add();
    await engine.next("task_started", running.id);
    const waiting = await engine.submit([aSubmission(), aSubmission({ delayMs: 1_000 }), aSubmission({ priority: 0 })]);
    expect(await engine.clearQueue()).toBe(3);
    for (const { id } of waiting) {
      expect(await engine.find(id)).toMatchObject({ status: "cancelled" });
      expect(engine.heardOf(id)).toEqual(["task_queued", "task_cancelled"]);
    }
    expect(await engine.find(running.id)).toMatchObject({ status: "running" });
    expect(engine.runner.of(running.id).aborts).toEqual([]);
    expect(await engine.clearQueue()).toBe(0);
  });

  test("takes any number of tasks", async () => {
    const engine = await testEngine({ slots: 0 });
    await engine.submit(Array.from({ length: 1_001 }, () => aSubmission()));
    expect(await engine.clearQueue()).toBe(1_001);
    expect((await engine.metrics()).counts.byStatus).toMatchObject({ queued: 0, cancelled: 1_001 });
  });

  test("is one line of the log, also when the store refuses in the middle of it", async () => {
    const engine = await testEngine({ slots: 0 });
    await engine.submit(Array.from({ length: 1_001 }, () => aSubmission()));
    const isThird = () => engine.faults.calls("cancelWaiting") > 2;
    engine.faults.decide((verb) => (verb === "cancelWaiting" && isThird() ? "refused" : "passes"));
    await expect(engine.clearQueue()).rejects.toMatchObject({ code: "store_unavailable" });
    engine.faults.heal();
    expect(await engine.clearQueue()).toBe(1);
    expect(await engine.clearQueue()).toBe(0);
    const cancellations = engine.lines.filter(({ message }) => message.includes("cancelled"));
    expect(cancellations).toMatchObject([
      { level: "info", message: "waiting tasks cancelled", fields: { tasks: 1_000 } },
      { level: "info", message: "waiting tasks cancelled", fields: { tasks: 1 } },
    ]);
  });
});
