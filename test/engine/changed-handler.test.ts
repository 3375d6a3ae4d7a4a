import { describe, expect, test } from "bun:test";
import { jsonText } from "../../src/domain/task.ts";
import { testEngine } from "../support/engine.ts";

describe("a schema that changed after the submission", () => {
  test("fails the task for good when its input does not fit any more", async () => {
    const engine = await testEngine({ slots: 0 });
    const task = await engine.add({ kwargs: { a: 1 } });
    const restarted = await testEngine({ store: engine.store, clock: engine.clock, started: false });
    restarted.catalog.define("echo", { inputSchema: { type: "object", properties: { b: { type: "number" } } } });
    await restarted.start();
    const { task: failed } = await restarted.next("task_failed", task.id);
    expect(failed).toMatchObject({
      errorKind: "permanent",
      error: "InvalidInputError: /kwargs/a: unexpected argument 'a'. It takes b.",
      retryCount: 0,
    });
    expect(restarted.runner.attempts).toHaveLength(0);
    expect(restarted.heardOf(task.id)).toEqual(["task_started", "task_failed"]);
  });
});

describe("a task whose handler is gone", () => {
  test("waits, holds no slot, and runs when the handler is back", async () => {
    const engine = await testEngine();
    const task = await engine.add({ delayMs: 1_000 });
    engine.catalog.remove("echo");
    await engine.clock.advance(2_000);
    expect(await engine.find(task.id)).toMatchObject({ status: "pending", attempt: 1, error: null });
    const other = await engine.add({ funcName: "add_numbers", args: [1, 2] });
    await engine.next("task_started", other.id);
    engine.runner.of(other.id).complete();
    engine.catalog.define("echo");
    await engine.clock.advance(5_000);
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).complete(1);
    expect((await engine.next("task_completed", task.id)).task).toMatchObject({ result: jsonText(1), retryCount: 0 });
    expect(await engine.attempts(task.id)).toMatchObject([{ number: 2, outcome: "completed" }]);
  });

  test("fails when the handler does not come back in time", async () => {
    const engine = await testEngine({ settings: { handlerWaitMs: 60_000 } });
    const task = await engine.add({ delayMs: 1_000 });
    engine.catalog.remove("echo");
    await engine.clock.advance(59_000);
    expect(await engine.find(task.id)).toMatchObject({ status: "pending" });
    await engine.clock.advance(10_000);
    expect(await engine.find(task.id)).toMatchObject({
      status: "failed",
      errorKind: "load_error",
      error: "LoadError: there is no handler 'echo'",
    });
  });

  test("fails with the reason when the handler does not load any more", async () => {
    const engine = await testEngine({ settings: { handlerWaitMs: 0 } });
    const task = await engine.add({ delayMs: 1_000 });
    engine.catalog.break("echo", "Unexpected }");
    await engine.clock.advance(1_000);
    expect(await engine.find(task.id)).toMatchObject({ status: "failed", error: "LoadError: Unexpected }" });
  });

  test("waits no longer than its time although other handlers change", async () => {
    const engine = await testEngine({ settings: { handlerWaitMs: 60_000 } });
    const task = await engine.add({ delayMs: 1_000 });
    engine.catalog.remove("echo");
    for (let passedMs = 0; passedMs < 70_000; passedMs += 5_000) {
      await engine.clock.advance(5_000);
      engine.catalog.define("add_numbers");
    }
    expect(await engine.find(task.id)).toMatchObject({ status: "failed", errorKind: "load_error" });
  });

  test("waits its full time although the handler was gone long before for another task", async () => {
    const engine = await testEngine({ settings: { handlerWaitMs: 60_000 } });
    const first = await engine.add({ delayMs: 1_000 });
    engine.catalog.remove("echo");
    await engine.clock.advance(2_000);
    await engine.cancel(first.id);
    engine.catalog.define("echo");
    await engine.clock.advance(600_000);
    const second = await engine.add({ delayMs: 1_000 });
    engine.catalog.remove("echo");
    await engine.clock.advance(30_000);
    expect(await engine.find(second.id)).toMatchObject({ status: "pending" });
    engine.catalog.define("echo");
    await engine.clock.advance(5_000);
    expect(engine.runner.order).toEqual([second.id]);
  });
});

describe("a handler that does not load any more while its last good version serves", () => {
  test("runs what was submitted before and what is submitted now, by that version", async () => {
    const engine = await testEngine({ slots: 2 });
    engine.catalog.define("echo", { backoff: { baseMs: 7_000, capMs: 7_000, jitter: 0 }, maxRetries: 1 });
    const before = await engine.add({ delayMs: 1_000 });
    engine.catalog.breakButServe("echo", "Unexpected }");
    const after = await engine.add();
    await engine.next("task_started", after.id);
    engine.runner.of(after.id).fail();
    const { task: retrying } = await engine.next("task_retrying", after.id);
    expect(retrying).toMatchObject({ maxRetries: 1, runAt: engine.clock.now() + 7_000 });
    await engine.clock.advance(1_000);
    await engine.next("task_started", before.id);
  });
});
