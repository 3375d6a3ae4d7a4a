import { describe, expect, test } from "bun:test";
import { Type as t } from "@sinclair/typebox";
import type { InputSchema } from "../../src/domain/input.ts";
import { jsonText } from "../../src/domain/task.ts";
import { aSubmission, testEngine } from "../support/engine.ts";

const greeting: InputSchema = JSON.parse(JSON.stringify(t.Object({ name: t.String({ default: "World" }) })));

describe("a submission", () => {
  test("is queued, stored and told when it is due", async () => {
    const engine = await testEngine({ started: false });
    const task = await engine.add({ kwargs: { x: 1 } });
    expect(task).toMatchObject({ funcName: "echo", status: "queued", createdAt: engine.clock.now(), attempt: 0 });
    expect(task).toMatchObject({ runAt: task.createdAt, args: jsonText([]), kwargs: jsonText({ x: 1 }) });
    expect(await engine.store.find(task.id)).toEqual(task);
    expect(engine.heard).toMatchObject([{ type: "task_queued", task }]);
  });

  test("takes the server's settings where nothing else is said", async () => {
    const engine = await testEngine({ settings: { defaultMaxRetries: 7, defaultTimeoutMs: 9_000 } });
    expect(await engine.add()).toMatchObject({ priority: 2, maxRetries: 7, timeoutMs: 9_000 });
  });

  test("takes the handler's settings before the server's, and its own before both", async () => {
    const engine = await testEngine();
    engine.catalog.define("set", { priority: 1, maxRetries: 0, timeoutMs: 5 });
    expect(await engine.add({ funcName: "set" })).toMatchObject({ priority: 1, maxRetries: 0, timeoutMs: 5 });
    const own = { funcName: "set", priority: 0, maxRetries: 2, timeoutMs: 6 } as const;
    expect(await engine.add(own)).toMatchObject({ priority: 0, maxRetries: 2, timeoutMs: 6 });
  });

  test("keeps its input as it was sent, while the handler gets the defaults", async () => {
    const engine = await testEngine();
    engine.catalog.define("greet", { inputSchema: greeting });
    const task = await engine.add({ funcName: "greet" });
    expect(task.kwargs).toBe(jsonText({}));
    await engine.next("task_started", task.id);
    expect(engine.runner.of(task.id).request.input).toEqual({ name: "World" });
  });

  test("whose input does not fit is refused with every fault, and nothing is stored", async () => {
    const engine = await testEngine();
    const refused = engine.add({ funcName: "add_numbers", args: ["x"] });
    await expect(refused).rejects.toMatchObject({
      code: "validation_failed",
      faults: [
        { path: "/kwargs/b", message: "missing required 'b'" },
        { path: "/args/0", message: "must be number" },
      ],
    });
    expect((await engine.metrics()).counts.enqueued).toBe(0);
    expect(engine.heard).toEqual([]);
  });

  test("to a handler that is not there is refused with those that are", async () => {
    const engine = await testEngine();
    await expect(engine.add({ funcName: "add_nubmers" })).rejects.toMatchObject({
      code: "unknown_handler",
      message: "There is no handler 'add_nubmers'. Did you mean 'add_numbers'? Registered: add_numbers, echo.",
    });
    engine.catalog.remove("echo");
    engine.catalog.remove("add_numbers");
    await expect(engine.add()).rejects.toMatchObject({
      message: "There is no handler 'echo'. No handler is registered.",
    });
  });

  test("to a handler that does not load is refused with the reason and where it is", async () => {
    const engine = await testEngine();
    engine.catalog.break("echo", "Unexpected }");
    await expect(engine.add()).rejects.toMatchObject({
      code: "handler_load_error",
      message: "Handler 'echo' does not load: echo.ts:3: Unexpected }",
      retryAfter: 5,
    });
  });
});

describe("a batch", () => {
  test("is accepted as a whole, in its order", async () => {
    const engine = await testEngine({ started: false });
    const tasks = await engine.submit([1, 2, 3].map((n) => aSubmission({ kwargs: { n } })));
    expect(tasks.map(({ kwargs }) => kwargs)).toEqual([1, 2, 3].map((n) => jsonText({ n })));
    expect(engine.heard.map(({ task }) => task.id)).toEqual(tasks.map(({ id }) => id));
  });

  test("with one fault is refused as a whole, and the fault says where it lies", async () => {
    const engine = await testEngine();
    const good = aSubmission({ at: "/tasks/0" });
    const wrong = aSubmission({ at: "/tasks/1", funcName: "add_numbers", kwargs: { a: 1, b: "x" } });
    await expect(engine.submit([good, wrong])).rejects.toMatchObject({
      code: "validation_failed",
      message: "/tasks/1/kwargs/b: must be number",
      faults: [{ path: "/tasks/1/kwargs/b", message: "must be number" }],
    });
    const gone = aSubmission({ at: "/tasks/1", funcName: "gone" });
    await expect(engine.submit([good, gone])).rejects.toMatchObject({
      code: "unknown_handler",
      message: expect.stringContaining("/tasks/1: There is no handler 'gone'."),
      faults: [{ path: "/tasks/1/func_name" }],
    });
    engine.catalog.break("echo", "Unexpected }");
    await expect(engine.submit([good, good])).rejects.toMatchObject({
      code: "handler_load_error",
      message: expect.stringContaining("/tasks/0: Handler 'echo' does not load"),
      retryAfter: 5,
    });
    expect((await engine.metrics()).counts.enqueued).toBe(0);
  });
});

describe("a full queue", () => {
  test("refuses what would exceed it, whole batches too, and says when to come back", async () => {
    const engine = await testEngine({ started: false, settings: { maxQueueSize: 2 } });
    await engine.add();
    await expect(engine.submit([aSubmission(), aSubmission()])).rejects.toMatchObject({
      code: "queue_full",
      retryAfter: 1,
    });
    await engine.add();
    await expect(engine.add()).rejects.toMatchObject({ code: "queue_full" });
    expect((await engine.metrics()).counts.enqueued).toBe(2);
    expect(engine.heard).toHaveLength(2);
  });

  test("takes tasks again once some have run", async () => {
    const engine = await testEngine({ settings: { maxQueueSize: 1 } });
    const first = await engine.add();
    await engine.next("task_started", first.id);
    await engine.add();
    await expect(engine.add()).rejects.toMatchObject({ code: "queue_full" });
    engine.runner.of(first.id).complete();
    await engine.next("task_completed", first.id);
    await engine.clock.settle();
    await engine.add();
  });
});

describe("retrying a task by hand", () => {
  test("submits the same input again, as a new task with the same settings", async () => {
    const engine = await testEngine();
    const asked = { funcName: "add_numbers", args: [5], kwargs: { b: 3 }, priority: 1, maxRetries: 0, timeoutMs: 77 };
    const task = await engine.add({ ...asked, priority: 1 });
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).fail();
    const failed = await engine.next("task_failed", task.id);
    const again = await engine.retry(task.id);
    expect(again.id).not.toBe(task.id);
    expect(again).toMatchObject({ status: "queued", args: task.args, kwargs: task.kwargs, priority: 1, maxRetries: 0 });
    expect(again).toMatchObject({ timeoutMs: 77, attempt: 0, retryCount: 0, error: null });
    expect(await engine.find(task.id)).toEqual(failed.task);
  });

  test("works for one that was cancelled", async () => {
    const engine = await testEngine({ started: false });
    const task = await engine.add({ delayMs: 5_000 });
    await engine.cancel(task.id);
    expect(await engine.retry(task.id)).toMatchObject({ status: "queued", runAt: engine.clock.now() });
  });

  test("is refused while it waits, runs or retries, and once it completed", async () => {
    const engine = await testEngine();
    const refusal = (state: string) => ({
      code: "task_not_retryable",
      message: `Only a failed or cancelled task can be retried; this one is ${state}.`,
    });
    const pending = await engine.add({ delayMs: 5_000 });
    await expect(engine.retry(pending.id)).rejects.toMatchObject(refusal("still pending"));
    const task = await engine.add();
    await engine.next("task_started", task.id);
    const queued = await engine.add();
    await expect(engine.retry(queued.id)).rejects.toMatchObject(refusal("still queued"));
    await expect(engine.retry(task.id)).rejects.toMatchObject(refusal("still running"));
    engine.runner.of(task.id).fail();
    await engine.next("task_retrying", task.id);
    await expect(engine.retry(task.id)).rejects.toMatchObject(refusal("still retrying"));
    await engine.clock.advance(1_000);
    engine.runner.of(queued.id).complete();
    await engine.next("task_completed", queued.id);
    await expect(engine.retry(queued.id)).rejects.toMatchObject(refusal("completed"));
  });

  test("of a task that does not exist says so", async () => {
    const engine = await testEngine();
    await expect(engine.retry("nope")).rejects.toMatchObject({ code: "unknown_task" });
  });
});
