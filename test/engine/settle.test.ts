import { describe, expect, test } from "bun:test";
import { jsonText } from "../../src/domain/task.ts";
import { settle } from "../../src/domain/transition.ts";
import { upTo } from "../storage/limits.ts";
import { type TestEngine, testEngine } from "../support/engine.ts";

/** Fails attempts of a task until it is final; the wait before each retry, in milliseconds. */
async function waitsOf(engine: TestEngine, taskId: string): Promise<readonly number[]> {
  const waits: number[] = [];
  for (let nth = 1; ; nth++) {
    const { task } = await engine.next("task_started", taskId, nth);
    engine.runner.of(taskId).fail();
    await engine.clock.settle();
    const settled = await engine.find(taskId);
    if (settled.status !== "retrying") return waits;
    expect(settled.retryCount).toBe(task.retryCount + 1);
    waits.push(settled.runAt - engine.clock.now());
    await engine.clock.advance(settled.runAt - engine.clock.now() - 1);
    expect(await engine.find(taskId)).toMatchObject({ status: "retrying" });
    await engine.clock.advance(1);
  }
}

describe("retries", () => {
  test("come after 1, 2, 4, ... seconds, as many as the task may have, and not before", async () => {
    const engine = await testEngine();
    const task = await engine.add({ maxRetries: 5 });
    expect(await waitsOf(engine, task.id)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
    expect(await engine.find(task.id)).toMatchObject({ status: "failed", retryCount: 5, error: "Error: no" });
    expect(engine.runner.attempts).toHaveLength(6);
    expect(await engine.attempts(task.id)).toHaveLength(6);
  });

  test("are spread by chance", async () => {
    const chances = [0, 0.25, 0.999_999];
    const engine = await testEngine({ random: () => chances.shift() ?? 0.5 });
    const task = await engine.add({ maxRetries: 3 });
    expect(await waitsOf(engine, task.id)).toEqual([900, 1_900, 4_400]);
  });

  test("wait as the handler sets it", async () => {
    const engine = await testEngine();
    engine.catalog.define("echo", { backoff: { baseMs: 100, capMs: 250, jitter: 0 } });
    const task = await engine.add({ maxRetries: 4 });
    expect(await waitsOf(engine, task.id)).toEqual([100, 200, 250, 250]);
  });

  test("do not happen when there are to be none", async () => {
    const engine = await testEngine();
    const task = await engine.add({ maxRetries: 0 });
    expect(await waitsOf(engine, task.id)).toEqual([]);
    expect(engine.heardOf(task.id)).toEqual(["task_queued", "task_started", "task_failed"]);
  });

  test("do not happen after a permanent error", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).fail("PermanentError: never", { errorKind: "permanent" });
    const { task: failed } = await engine.next("task_failed", task.id);
    expect(failed).toMatchObject({ error: "PermanentError: never", errorKind: "permanent", retryCount: 0 });
  });

  test("come when the handler asked to be tried again", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).fail("RetryAfter: busy", { retryAfterMs: 30_000 });
    await engine.next("task_retrying", task.id);
    await engine.clock.advance(29_999);
    expect(engine.runner.attempts).toHaveLength(1);
    await engine.clock.advance(1);
    expect(engine.runner.attempts).toHaveLength(2);
  });

  test("may be asked for at any distance without harm", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).fail("RetryAfter: never mind", { retryAfterMs: Number.MAX_VALUE });
    const { task: retrying } = await engine.next("task_retrying", task.id);
    expect(retrying.runAt).toBe(engine.clock.now() + 315_360_000_000);
    expect(await engine.find(task.id)).toEqual(retrying);
  });
});

test("an interrupted attempt starts again at once, before what was submitted later", async () => {
  const engine = await testEngine();
  const task = await engine.add({ maxRetries: 0 });
  await engine.next("task_started", task.id);
  const later = await engine.add();
  engine.runner.of(task.id).end({ kind: "interrupted", reason: "its worker died", workerDied: true });
  await engine.next("task_started", task.id, 2);
  engine.runner.of(task.id).complete();
  await engine.next("task_started", later.id);
  expect(await engine.find(task.id)).toMatchObject({ status: "completed", retryCount: 0, error: null });
  expect((await engine.attempts(task.id)).map(({ outcome }) => outcome)).toEqual(["interrupted", "completed"]);
});

test("a poison task fails when it took its worker down three times running", async () => {
  const engine = await testEngine();
  const task = await engine.add({ maxRetries: 100 });
  for (const nth of [1, 2, 3]) {
    await engine.next("task_started", task.id, nth);
    engine.runner.of(task.id).end({ kind: "interrupted", reason: "its worker died", workerDied: true });
  }
  const { task: failed } = await engine.next("task_failed", task.id);
  expect(failed).toMatchObject({ errorKind: "crashed", retryCount: 0 });
  await engine.clock.advance(60_000);
  expect(engine.runner.attempts).toHaveLength(3);
});

describe("the events of a task", () => {
  test("tell that it was queued again before that it was started again, though both are one commit", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).log("last words");
    engine.runner.of(task.id).end({ kind: "interrupted", reason: "its worker was needed", workerDied: false });
    await engine.next("task_started", task.id, 2);
    expect(engine.heardOf(task.id)).toEqual(["task_queued", "task_started", "task_log", "task_queued", "task_started"]);
  });

  test("end with its end, though it was cancelled in the turn in which its attempt failed", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).log("last words");
    engine.runner.of(task.id).fail();
    await engine.cancel(task.id);
    await engine.clock.settle();
    expect(engine.heardOf(task.id)).toEqual([
      "task_queued",
      "task_started",
      "task_log",
      "task_retrying",
      "task_cancelled",
    ]);
  });
});

describe("a result that comes too late", () => {
  test("is discarded and counted when another owner has ended the task", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    const { task: running } = await engine.next("task_started", task.id);
    const options = {
      now: engine.clock.now(),
      worker: "other",
      random: 0.5,
      backoff: { baseMs: 1, capMs: 1, jitter: 0 },
    };
    const theirs = settle(running, { kind: "completed", result: jsonText("theirs") }, options);
    expect(await engine.store.settle(task.id, running.attempt, theirs)).toBe(true);
    engine.runner.of(task.id).complete("mine");
    await engine.clock.settle();
    expect(await engine.find(task.id)).toMatchObject({ status: "completed", result: jsonText("theirs") });
    expect(await engine.attempts(task.id)).toMatchObject([{ worker: "other" }]);
    expect((await engine.metrics()).discarded).toBe(1);
    expect(engine.heardOf(task.id)).toEqual(["task_queued", "task_started"]);
    expect(engine.lines).toContainEqual(expect.objectContaining({ level: "warn", message: "late result discarded" }));
  });

  test("is discarded when the task runs under another lease by then, whose result counts", async () => {
    const engine = await testEngine({ slots: 2 });
    const task = await engine.add();
    const { task: running } = await engine.next("task_started", task.id);
    const late = engine.runner.of(task.id);
    const options = { now: engine.clock.now(), worker: null, random: 0.5, backoff: { baseMs: 1, capMs: 1, jitter: 0 } };
    const interrupted = settle(running, { kind: "interrupted", reason: "?", workerDied: false }, options);
    await engine.store.settle(task.id, running.attempt, interrupted);
    await engine.store.claim(upTo(1), engine.clock.now());
    late.complete("late");
    await engine.clock.settle();
    expect(await engine.find(task.id)).toMatchObject({ status: "running", attempt: 2, result: null });
    expect((await engine.metrics()).discarded).toBe(1);
  });
});

test("every change of state is one line of the log, with the task, its handler, the attempt and the duration", async () => {
  const engine = await testEngine();
  const task = await engine.add({ maxRetries: 1 });
  await engine.next("task_started", task.id);
  await engine.clock.advance(500);
  engine.runner.of(task.id).fail();
  await engine.next("task_retrying", task.id);
  await engine.clock.advance(1_000);
  await engine.clock.advance(250);
  engine.runner.of(task.id).complete();
  await engine.next("task_completed", task.id);
  const fields = { task_id: task.id, func_name: "echo" };
  expect(engine.lines).toMatchObject([
    { level: "debug", message: "task queued", fields: { ...fields, attempt: 0 } },
    { level: "debug", message: "task started", fields: { ...fields, attempt: 1 } },
    { level: "warn", message: "task retrying", fields: { ...fields, attempt: 1, duration: 0.5, error: "Error: no" } },
    { level: "debug", message: "task queued", fields: { ...fields, attempt: 1 } },
    { level: "debug", message: "task started", fields: { ...fields, attempt: 2 } },
    { level: "info", message: "task completed", fields: { ...fields, attempt: 2, duration: 0.25 } },
  ]);
});
