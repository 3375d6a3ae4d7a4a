import { describe, expect, test } from "bun:test";
import { jsonText, type Status, type Task } from "../../src/domain/task.ts";
import { problemOf, type TestApp, testApp } from "../support/app.ts";
import { aTask } from "../support/tasks.ts";

const idle = { slots: 0 };

async function put({ engine }: TestApp, status: Status, more: Partial<Task> = {}): Promise<string> {
  const task = aTask({ status, funcName: "echo", ...more });
  await engine.store.insert([task], Number.POSITIVE_INFINITY);
  return task.id;
}

async function ask({ post }: TestApp, action: "cancel" | "retry", body: object): Promise<unknown> {
  const response = await post(`/api/v1/tasks/${action}`, body);
  expect(response.status).toBe(200);
  return response.json();
}

const nothing = { dry_run: false, matched: 0, more: false, refused: 0, refusals: [], cursor: null };

describe("POST /api/v1/tasks/cancel", () => {
  test("cancels the tasks named, and says which it did not", async () => {
    const app = await testApp(idle);
    const [waiting, other, final] = [await put(app, "queued"), await put(app, "queued"), await put(app, "completed")];
    const answer = await ask(app, "cancel", { task_ids: [waiting, waiting, final, "gone"] });
    expect(answer).toEqual({
      ...nothing,
      ...{ matched: 3, cancelled: 1, stopping: 0, refused: 2 },
      refusals: [
        { task_id: final, code: "task_final", detail: expect.any(String) },
        { task_id: "gone", code: "unknown_task", detail: expect.any(String) },
      ],
    });
    expect(app.engine.heardOf(waiting)).toEqual(["task_cancelled"]);
    expect((await app.engine.find(other)).status).toBe("queued");
    const lines = app.engine.lines.filter(({ level }) => level === "info").map(({ message }) => message);
    expect(lines).toEqual(["tasks cancelled at once"]);
  });

  test("cancels what matches a filter, and tells what runs to end", async () => {
    const app = await testApp({ slots: 1 });
    const { task_id: running } = await app.submit({ func_name: "add_numbers", args: [1, 2] });
    await app.engine.next("task_started", running);
    for (let n = 0; n < 600; n++) void put(app, "pending", { funcName: "add_numbers", runAt: 4e12 });
    const others = [await put(app, "pending", { runAt: 4e12 }), await put(app, "failed", { funcName: "add_numbers" })];
    const body = { filter: { func_name: "add_numbers" } };
    const none = { ...nothing, cancelled: 0, stopping: 0 };
    expect(await ask(app, "cancel", { ...body, dry_run: true })).toEqual({ ...none, dry_run: true, matched: 601 });
    expect(await ask(app, "cancel", body)).toEqual({ ...none, matched: 601, cancelled: 600, stopping: 1 });
    expect(await Promise.all(others.map(async (id) => (await app.engine.find(id)).status))).toEqual([
      "pending",
      "failed",
    ]);
    expect((await app.engine.find(running)).cancelRequested).toBe(true);
    expect(await ask(app, "cancel", { filter: { status: "completed" } })).toEqual(none);
  });

  test("counts and cancels up to some 10,000, and goes on from the cursor", async () => {
    const app = await testApp(idle);
    const tasks = Array.from({ length: 10_300 }, () => aTask({ funcName: "echo" }));
    await app.engine.store.insert(tasks, Number.POSITIVE_INFINITY);
    const body = { filter: { priority: "normal" } };
    expect(await ask(app, "cancel", { ...body, dry_run: true })).toMatchObject({ matched: 10_000, more: true });
    const first = await ask(app, "cancel", body);
    const { cursor } = first as { cursor: string };
    expect(first).toMatchObject({ matched: 10_000, cancelled: 10_000, more: true });
    // The newest come first, so that what came meanwhile is left alone.
    const late = await put(app, "queued");
    expect(await ask(app, "cancel", { ...body, cursor })).toMatchObject({ matched: 300, more: false, cursor: null });
    expect((await app.engine.find(late)).status).toBe("queued");
  });

  test("answers other requests in between", async () => {
    const app = await testApp(idle);
    await app.engine.store.insert(
      Array.from({ length: 2_000 }, () => aTask({ funcName: "echo" })),
      Number.POSITIVE_INFINITY,
    );
    const all = ask(app, "cancel", { filter: {} }).then(() => "all");
    const one = app.submit({ func_name: "echo" }).then(() => "one");
    expect(await Promise.race([all, one])).toBe("one");
    await all;
  });

  test("is a 503 when the store refuses", async () => {
    const app = await testApp(idle);
    const id = await put(app, "queued");
    app.engine.faults.refuse("cancel");
    const problem = await problemOf(await app.post("/api/v1/tasks/cancel", { task_ids: [id] }));
    expect(problem).toMatchObject({ status: 503, code: "store_unavailable" });
  });
});

describe("POST /api/v1/tasks/retry", () => {
  test("submits the same input again, once for each, and says why it does not", async () => {
    const app = await testApp(idle);
    const kwargs = jsonText({ text: "again" });
    const failed = await put(app, "failed", { kwargs, priority: 0 });
    const lost = await put(app, "cancelled", { funcName: "gone" });
    const waiting = await put(app, "queued");
    const answer = await ask(app, "retry", { task_ids: [failed, lost, waiting] });
    expect(answer).toMatchObject({
      ...{ matched: 3, retried: 1, refused: 2, more: false },
      refusals: [
        { task_id: lost, code: "unknown_handler" },
        { task_id: waiting, code: "task_not_retryable" },
      ],
    });
    const { tasks } = await app.engine.list({ priority: 0, limit: 5 });
    expect(tasks).toMatchObject([
      { status: "queued", kwargs },
      { id: failed, status: "failed" },
    ]);
  });

  test("of what matches a filter takes only what can be retried", async () => {
    const app = await testApp(idle);
    for (const status of ["failed", "cancelled", "completed", "queued"] as const) await put(app, status);
    expect(await ask(app, "retry", { filter: {}, dry_run: true })).toMatchObject({ matched: 2, retried: 0 });
    expect(await ask(app, "retry", { filter: { status: "failed,queued" } })).toMatchObject({ matched: 1, retried: 1 });
    expect((await app.engine.metrics()).counts.byStatus).toMatchObject({ failed: 1, queued: 2 });
  });

  test("counts the tasks named of which it can be done", async () => {
    const app = await testApp(idle);
    const task_ids = [await put(app, "failed"), await put(app, "queued"), "gone"];
    expect(await ask(app, "retry", { task_ids, dry_run: true })).toMatchObject({ matched: 1, more: false, retried: 0 });
  });
});

describe("both", () => {
  test.each<[object, string]>([
    [{}, ""],
    [{ task_ids: ["a"], filter: {} }, ""],
    [{ task_ids: [] }, "/task_ids"],
    [{ task_ids: Array.from({ length: 1_001 }, String) }, "/task_ids"],
    [{ task_ids: ["a"], cursor: "1" }, "/cursor"],
    [{ filter: {}, cursor: "!" }, "/cursor"],
    [{ filter: { status: "done" } }, "/filter/status"],
    [{ filter: { limit: 5 } }, "/filter/limit"],
    [{ filter: { created_after: "soon" } }, "/filter/created_after"],
    [{ filter: {}, dryrun: true }, "/dryrun"],
  ])("refuse %j", async (body, path) => {
    const { post } = await testApp(idle);
    for (const action of ["cancel", "retry"]) {
      const problem = await problemOf(await post(`/api/v1/tasks/${action}`, body));
      expect(problem).toMatchObject({ status: 422, code: "validation_failed", errors: [{ path }] });
    }
  });

  test("need a key that may write", async () => {
    const { post } = await testApp({
      ...idle,
      access: { keys: [{ name: "eyes", key: "k", scope: "read" }] },
    });
    const response = await post("/api/v1/tasks/cancel", { filter: {}, dry_run: true }, { authorization: "Bearer k" });
    expect((await problemOf(response)).status).toBe(403);
  });
});
