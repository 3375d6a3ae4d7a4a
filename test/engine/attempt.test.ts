import { describe, expect, test } from "bun:test";
import { jsonText } from "../../src/domain/task.ts";
import { testEngine } from "../support/engine.ts";

describe("an attempt", () => {
  test("gets its input, its lease and how many there may be", async () => {
    const engine = await testEngine();
    const task = await engine.add({ funcName: "add_numbers", args: [5], kwargs: { b: 3 }, maxRetries: 2 });
    await engine.next("task_started", task.id);
    expect(engine.runner.of(task.id).request).toEqual({
      taskId: task.id,
      funcName: "add_numbers",
      input: { a: 5, b: 3 },
      lease: 1,
      attempt: 1,
      maxAttempts: 3,
      scheduledFor: null,
      lastRunAt: null,
      traceparent: null,
      isQuick: false,
    });
    engine.runner.of(task.id).fail();
    await engine.next("task_retrying", task.id);
    await engine.clock.advance(1_000);
    expect(engine.runner.of(task.id).request).toMatchObject({ lease: 2, attempt: 2, maxAttempts: 3 });
  });

  test("that was interrupted counts for the lease, not for the handler", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).end({ kind: "interrupted", reason: "its worker was needed", workerDied: false });
    await engine.next("task_started", task.id, 2);
    expect(engine.runner.of(task.id).request).toMatchObject({ lease: 2, attempt: 1 });
  });

  test("that completes ends its task with the result", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    const { at: startedAt } = await engine.next("task_started", task.id);
    await engine.clock.advance(250);
    engine.runner.of(task.id).complete({ sum: 8 });
    const { task: completed } = await engine.next("task_completed", task.id);
    expect(completed).toMatchObject({ status: "completed", result: jsonText({ sum: 8 }), startedAt, error: null });
    expect(completed.completedAt).toBe(startedAt + 250);
    expect(await engine.find(task.id)).toEqual(completed);
  });
});

describe("the history", () => {
  test("lists every attempt, the running one last", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    const start = engine.clock.now();
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).fail("Error: first", { stack: "at run (echo.ts:1)" });
    await engine.next("task_retrying", task.id);
    await engine.clock.advance(1_000);
    const first = {
      number: 1,
      worker: "w1",
      startedAt: start,
      endedAt: start,
      outcome: "failed",
      errorKind: "handler",
      error: "Error: first",
      stack: "at run (echo.ts:1)",
    } as const;
    const completed = { outcome: "completed", errorKind: null, error: null, stack: null } as const;
    const running = { number: 2, worker: "w1", startedAt: start + 1_000, endedAt: null, outcome: null };
    expect(await engine.attempts(task.id)).toMatchObject([first, running]);
    await engine.clock.advance(10);
    engine.runner.of(task.id).complete();
    await engine.next("task_completed", task.id);
    expect(await engine.attempts(task.id)).toEqual([
      first,
      { ...first, number: 2, startedAt: start + 1_000, endedAt: start + 1_010, ...completed },
    ]);
  });

  test("of a task that waits is empty, of an unknown one an error", async () => {
    const engine = await testEngine({ started: false });
    expect(await engine.attempts((await engine.add()).id)).toEqual([]);
    await expect(engine.attempts("nope")).rejects.toMatchObject({ code: "unknown_task" });
    await expect(engine.logs("nope")).rejects.toMatchObject({ code: "unknown_task" });
    await expect(engine.find("nope")).rejects.toMatchObject({ code: "unknown_task" });
  });
});

describe("what an attempt reports", () => {
  test("is told after its start and before its end, in its order, with a rising seq", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    const attempt = engine.runner.of(task.id);
    for (let step = 1; step <= 20; step++) {
      attempt.log(`line ${step}`);
      attempt.progress(step / 20, `step ${step}`);
    }
    attempt.complete();
    await engine.next("task_completed", task.id);
    const steps = Array.from({ length: 20 }, () => ["task_log", "task_progress"] as const).flat();
    expect(engine.heardOf(task.id)).toEqual(["task_queued", "task_started", ...steps, "task_completed"]);
    const told = engine.heard.filter(({ log }) => log !== null).map(({ log }) => log?.message);
    expect(told).toEqual(Array.from({ length: 20 }, (_, index) => `line ${index + 1}`));
    const seqs = engine.heard.map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    expect(new Set(seqs).size).toBe(seqs.length);
  });

  test("is kept: lines with their attempt, level and time, progress in the task", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    const start = engine.clock.now();
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).log("hello", "warn");
    engine.runner.of(task.id).fail();
    await engine.next("task_retrying", task.id);
    await engine.clock.advance(1_000);
    const progress = { fraction: 0.5, message: "half" };
    engine.runner.of(task.id).progress(0.5, "half");
    await engine.next("task_progress", task.id);
    expect(await engine.find(task.id)).toMatchObject({ status: "running", progress });
    engine.runner.of(task.id).log("again", "error");
    await engine.next("task_log", task.id, 2);
    expect(await engine.logs(task.id)).toEqual([
      { at: start, attempt: 1, level: "warn", message: "hello" },
      { at: start + 1_000, attempt: 2, level: "error", message: "again" },
    ]);
    expect(await engine.store.find(task.id)).toMatchObject({ progress });
    engine.runner.of(task.id).complete();
    expect((await engine.next("task_completed", task.id)).task).toMatchObject({ progress });
  });

  test("is not ahead of the events that tell it, and not missing from the last of them", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).progress(0.5);
    expect(await engine.find(task.id)).toMatchObject({ progress: null });
    engine.runner.of(task.id).complete();
    const { task: completed } = await engine.next("task_completed", task.id);
    expect(completed.progress).toEqual({ fraction: 0.5, message: null });
  });

  test("starts anew with the next attempt", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).progress(0.9);
    engine.runner.of(task.id).fail();
    await engine.next("task_retrying", task.id);
    await engine.clock.advance(1_000);
    expect((await engine.next("task_started", task.id, 2)).task).toMatchObject({ progress: null });
  });

  test("is told although it cannot be kept, and does not hold the attempt up", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.faults.refuse("report");
    engine.runner.of(task.id).log("lost");
    engine.runner.of(task.id).complete();
    await engine.next("task_completed", task.id);
    expect(engine.heardOf(task.id)).toEqual(["task_queued", "task_started", "task_log", "task_completed"]);
    expect(await engine.logs(task.id)).toEqual([]);
    expect(engine.lines).toContainEqual(
      expect.objectContaining({ level: "warn", message: expect.stringContaining("kept") }),
    );
  });
});
