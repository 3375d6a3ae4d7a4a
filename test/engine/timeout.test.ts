import { describe, expect, test } from "bun:test";
import { testEngine } from "../support/engine.ts";

describe("a timeout", () => {
  test("aborts at its time and not before, and the attempt has timed out", async () => {
    const engine = await testEngine();
    const task = await engine.add({ timeoutMs: 1_000, maxRetries: 0 });
    await engine.next("task_started", task.id);
    const attempt = engine.runner.of(task.id);
    await engine.clock.advance(999);
    expect(attempt.aborts).toEqual([]);
    await engine.clock.advance(1);
    expect(attempt.aborts).toEqual(["timeout"]);
    const { task: failed } = await engine.next("task_failed", task.id);
    expect(failed).toMatchObject({
      error: "TimeoutError: Task exceeded its timeout of 1s",
      errorKind: "timeout",
      result: null,
    });
    expect(await engine.attempts(task.id)).toMatchObject([{ outcome: "timed_out", errorKind: "timeout" }]);
    await engine.clock.advance(60_000);
    expect(attempt.kills).toBe(0);
  });

  test("kills a handler that ignores it after the grace, once", async () => {
    const engine = await testEngine({ settings: { killGraceMs: 2_000 } });
    engine.runner.onAbort = "ignore";
    const task = await engine.add({ timeoutMs: 1_000, maxRetries: 0 });
    await engine.next("task_started", task.id);
    const attempt = engine.runner.of(task.id);
    await engine.clock.advance(2_999);
    expect(attempt).toMatchObject({ aborts: ["timeout"], kills: 0, ended: false });
    expect(await engine.find(task.id)).toMatchObject({ status: "running" });
    await engine.clock.advance(1);
    expect(attempt.kills).toBe(1);
    expect((await engine.next("task_failed", task.id)).task).toMatchObject({ errorKind: "timeout" });
    await engine.clock.advance(60_000);
    expect(attempt.kills).toBe(1);
  });

  test("stands although the handler completes within the grace", async () => {
    const engine = await testEngine();
    engine.runner.onAbort = "ignore";
    const task = await engine.add({ timeoutMs: 1_000, maxRetries: 0 });
    await engine.next("task_started", task.id);
    await engine.clock.advance(1_500);
    engine.runner.of(task.id).complete("too late");
    expect((await engine.next("task_failed", task.id)).task).toMatchObject({ errorKind: "timeout", result: null });
  });

  test("is over when the attempt ends in time", async () => {
    const engine = await testEngine();
    const task = await engine.add({ timeoutMs: 1_000 });
    await engine.next("task_started", task.id);
    const attempt = engine.runner.of(task.id);
    attempt.complete();
    await engine.next("task_completed", task.id);
    await engine.clock.advance(10_000);
    expect(attempt.aborts).toEqual([]);
  });

  test("is each attempt's own, and uses up a retry", async () => {
    const engine = await testEngine();
    const task = await engine.add({ timeoutMs: 1_000, maxRetries: 1 });
    await engine.next("task_started", task.id);
    await engine.clock.advance(1_000);
    await engine.next("task_retrying", task.id);
    await engine.clock.advance(1_000);
    await engine.next("task_started", task.id, 2);
    await engine.clock.advance(999);
    expect(engine.runner.of(task.id).aborts).toEqual([]);
    await engine.clock.advance(1);
    expect((await engine.next("task_failed", task.id)).task).toMatchObject({ errorKind: "timeout", retryCount: 1 });
  });

  test("does not depend on the wall clock", async () => {
    const engine = await testEngine();
    const task = await engine.add({ timeoutMs: 10_000 });
    await engine.next("task_started", task.id);
    engine.clock.jump(3_600_000);
    await engine.clock.advance(9_999);
    expect(engine.runner.of(task.id).aborts).toEqual([]);
    await engine.clock.advance(1);
    expect(engine.runner.of(task.id).aborts).toEqual(["timeout"]);
  });
});
