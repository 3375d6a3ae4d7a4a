import { describe, expect, test } from "bun:test";
import type { Task } from "../../src/domain/task.ts";
import { attemptSchema, logLineSchema, taskSchema } from "../../src/http/schema.ts";
import { problemOf, taskOf, testApp } from "../support/app.ts";
import type { WireTask } from "../support/client.ts";
import { breaches } from "../support/schema.ts";
import { aTask } from "../support/tasks.ts";

describe("POST /api/v1/tasks", () => {
  test("answers 201 with the whole task and where it is", async () => {
    const { post, request } = await testApp();
    const response = await post("/api/v1/tasks", { func_name: "add_numbers", kwargs: { a: 5, b: 3 } });
    expect(response.status).toBe(201);
    const task = await taskOf(response);
    expect(breaches(taskSchema, { ...task, task_id: "0198c5a8-7d3e-7c4f-9a51-2f1f0c6b8e21" })).toEqual([]);
    expect(task).toMatchObject({
      func_name: "add_numbers",
      args: [],
      kwargs: { a: 5, b: 3 },
      status: "queued",
      priority: 2,
      retry_count: 0,
      max_retries: 3,
      timeout: 300,
      started_at: null,
      completed_at: null,
      result: null,
      error: null,
      error_kind: null,
      progress: null,
      periodic_task: null,
      scheduled_for: null,
    });
    expect(task.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const location = response.headers.get("location");
    expect(location).toBe(`/api/v1/tasks/${task.task_id}`);
    expect((await taskOf(await request(String(location)))).task_id).toBe(task.task_id);
  });

  test("takes every field, priorities by number and by name", async () => {
    const { submit } = await testApp();
    const task = await submit({ func_name: "echo", priority: "critical", max_retries: 0, timeout: 0.5 });
    expect(task).toMatchObject({ priority: 0, max_retries: 0, timeout: 0.5 });
    expect(await submit({ func_name: "echo", priority: 3 })).toMatchObject({ priority: 3 });
    expect(await submit({ func_name: "echo", timeout: null })).toMatchObject({ timeout: 300 });
  });

  test("a delay makes it pending until then, and so does run_at, with any offset", async () => {
    const { engine, submit } = await testApp();
    const delayed = await submit({ func_name: "echo", delay: 90 });
    expect(delayed.status).toBe("pending");
    expect(Date.parse(delayed.run_at) - engine.clock.now()).toBe(90_000);
    const at = await submit({ func_name: "echo", run_at: "2099-01-31T10:30:00+01:30" });
    expect(at).toMatchObject({ status: "pending", run_at: "2099-01-31T09:00:00.000Z" });
  });

  test("a run_at in the past means now", async () => {
    const { engine, submit } = await testApp();
    const task = await submit({ func_name: "echo", run_at: "1999-01-01T00:00:00Z" });
    expect(task).toMatchObject({ status: "queued", run_at: new Date(engine.clock.now()).toISOString() });
  });

  test("gives args and kwargs back as they were, and hands the handler what they bind to", async () => {
    const { engine, submit } = await testApp({ slots: 1 });
    const task = await submit({ func_name: "add_numbers", args: [5], kwargs: { b: 3 } });
    expect(task).toMatchObject({ args: [5], kwargs: { b: 3 } });
    await engine.next("task_started", task.task_id);
    expect(engine.runner.attempts[0]?.request.input).toEqual({ a: 5, b: 3 });
  });

  test.each([
    ["NUL and other controls", { text: "a\u0000b\u001f\u2028" }],
    ["a lone surrogate", { text: "\ud800x" }],
    ["a megabyte less some", { text: "é".repeat(400_000) }],
    ["keys like __proto__", JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "toString": null}')],
    ["numbers at the edge", { n: [0, -0, 1e308, 5e-324, 9007199254740991] }],
    ["150 levels", JSON.parse(`{"deep": ${"[".repeat(150)}${"]".repeat(150)}}`)],
  ])("keeps %s as it was", async (_, kwargs) => {
    const { submit, request } = await testApp();
    const { task_id } = await submit({ func_name: "echo", kwargs });
    const response = await request(`/api/v1/tasks/${task_id}`);
    expect(JSON.stringify((await taskOf(response)).kwargs)).toBe(JSON.stringify(kwargs));
  });
});

describe("POST /api/v1/tasks/batch", () => {
  test("accepts all, in the order given", async () => {
    const { post } = await testApp();
    const bodies = [1, 2, 3].map((a) => ({ func_name: "add_numbers", args: [a, 1] }));
    const response = await post("/api/v1/tasks/batch", { tasks: bodies });
    expect(response.status).toBe(201);
    const { tasks } = (await response.json()) as { tasks: { args: number[] }[] };
    expect(tasks.map(({ args }) => args[0])).toEqual([1, 2, 3]);
  });

  test("accepts none when one is at fault, and names its index", async () => {
    const { post, request } = await testApp();
    const tasks = [{ func_name: "echo" }, { func_name: "add_numbers", kwargs: { a: 1, b: "2" } }];
    const problem = await problemOf(await post("/api/v1/tasks/batch", { tasks }));
    expect(problem).toMatchObject({ status: 422, errors: [{ path: "/tasks/1/kwargs/b", message: "must be number" }] });
    expect(await (await request("/api/v1/tasks")).json()).toEqual([]);
  });

  test("names the index also of a batch of one, of a field and of a handler that is not known", async () => {
    const { post } = await testApp();
    const one = await problemOf(await post("/api/v1/tasks/batch", { tasks: [{ func_name: "add_numbers" }] }));
    expect(one.errors?.[0]?.path).toBe("/tasks/0/kwargs/a");
    const field = await problemOf(await post("/api/v1/tasks/batch", { tasks: [{ func_name: "echo", delay: -1 }] }));
    expect(field).toMatchObject({ status: 422, errors: [{ path: "/tasks/0/delay" }] });
    const both = { func_name: "echo", delay: 1, run_at: "2099-01-01T00:00:00Z" };
    const time = await problemOf(await post("/api/v1/tasks/batch", { tasks: [{ func_name: "echo" }, both] }));
    expect(time.errors?.[0]?.path).toBe("/tasks/1/delay");
    const unknown = await problemOf(await post("/api/v1/tasks/batch", { tasks: [{ func_name: "nope" }] }));
    expect(unknown).toMatchObject({ status: 404, code: "unknown_handler", errors: [{ path: "/tasks/0/func_name" }] });
  });

  test("takes 1 to 1,000", async () => {
    const { post } = await testApp();
    const tasks = Array.from({ length: 1_001 }, () => ({ func_name: "echo" }));
    expect((await post("/api/v1/tasks/batch", { tasks: tasks.slice(1) })).status).toBe(201);
    expect((await problemOf(await post("/api/v1/tasks/batch", { tasks }))).status).toBe(422);
    expect((await problemOf(await post("/api/v1/tasks/batch", { tasks: [] }))).status).toBe(422);
  });
});

describe("GET /api/v1/tasks", () => {
  test("pages through all of them, newest first, by the Link header", async () => {
    const { submit, request } = await testApp({ slots: 0 });
    for (let n = 0; n < 5; n++) await submit({ func_name: "echo", kwargs: { n } });
    const seen: unknown[] = [];
    let path: string | null = "/api/v1/tasks?limit=2&func_name=echo";
    for (let pages = 0; path !== null; pages++) {
      expect(pages).toBeLessThan(3);
      const response: Response = await request(path);
      const page = (await response.json()) as { kwargs: { n: number } }[];
      seen.push(...page.map(({ kwargs }) => kwargs.n));
      const link: string | undefined = /^<(\/api\/v1\/.*)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
      path = link ?? null;
    }
    expect(seen).toEqual([4, 3, 2, 1, 0]);
  });

  test("filters by status and handler; in the path pending means waiting to run", async () => {
    const { submit, request } = await testApp({ slots: 0 });
    const queued = await submit({ func_name: "echo" });
    const delayed = await submit({ func_name: "echo", delay: 60 });
    const sum = await submit({ func_name: "add_numbers", args: [1, 2] });
    const ids = async (path: string) =>
      ((await (await request(path)).json()) as { task_id: string }[]).map((t) => t.task_id);
    expect(await ids("/api/v1/tasks?status=pending")).toEqual([delayed.task_id]);
    expect(await ids("/api/v1/tasks/status/pending")).toEqual([sum.task_id, queued.task_id]);
    expect(await ids("/api/v1/tasks?status=queued&func_name=add_numbers")).toEqual([sum.task_id]);
    expect(await ids("/api/v1/tasks/status/completed")).toEqual([]);
  });

  test("filters by several statuses, priority, time, error, periodic task and search", async () => {
    const { engine, request } = await testApp({ slots: 0 });
    const at = (hour: number) => Date.UTC(2030, 0, 1, hour);
    const make = (hour: number, more: Partial<Task>) =>
      aTask({ id: Bun.randomUUIDv7("hex", at(hour)), createdAt: at(hour), ...more });
    const mail = make(1, { funcName: "mail", status: "failed", priority: 0, error: "Error: no such host" });
    const nightly = make(2, { funcName: "report", status: "cancelled", periodicTask: "nightly" });
    const sum = make(3, { funcName: "add", status: "completed", priority: 3 });
    await engine.store.insert([mail, nightly, sum], Number.POSITIVE_INFINITY);
    const names = async (query: string) => {
      const response = await request(`/api/v1/tasks?${query}`);
      expect(response.status).toBe(200);
      return ((await response.json()) as WireTask[]).map(({ func_name }) => func_name);
    };
    expect(await names("status=failed,cancelled")).toEqual(["report", "mail"]);
    expect(await names("priority=0")).toEqual(["mail"]);
    expect(await names("priority=low")).toEqual(["add"]);
    expect(await names("created_after=2030-01-01T02:00:00Z")).toEqual(["add", "report"]);
    expect(await names("created_before=2030-01-01T03:00:00%2B01:00")).toEqual(["mail"]);
    expect(await names("error=NO%20SUCH")).toEqual(["mail"]);
    expect(await names("periodic_task=nightly")).toEqual(["report"]);
    expect(await names("q=ai")).toEqual(["mail"]);
    expect(await names(`q=${nightly.id.slice(0, 12)}`)).toEqual(["report"]);
    const byStatus = await request("/api/v1/tasks/status/failed?error=host&priority=0");
    expect((await byStatus.json()) as WireTask[]).toHaveLength(1);
  });

  test.each([
    ["limit=0", "/limit"],
    ["limit=1001", "/limit"],
    ["limit=abc", "/limit"],
    ["limit=1e2", "/limit"],
    ["status=done", "/status"],
    ["status=failed,", "/status"],
    ["priority=4", "/priority"],
    ["priority=urgent", "/priority"],
    ["created_after=yesterday", "/created_after"],
    ["created_before=2030-01-01T00:00:00", "/created_before"],
    ["error=", "/error"],
    ["q=", "/q"],
    ["cursor=%00", "/cursor"],
    ["limt=5", "/limt"],
  ])("refuses ?%s by name", async (query, path) => {
    const { request } = await testApp();
    const problem = await problemOf(await request(`/api/v1/tasks?${query}`));
    expect(problem).toMatchObject({ status: 422, code: "validation_failed", errors: [{ path }] });
  });
});

describe("one task", () => {
  test("its attempts and its log are told as they happened", async () => {
    const { engine, submit, request } = await testApp({ slots: 1 });
    const { task_id } = await submit({ func_name: "echo", max_retries: 0 });
    await engine.next("task_started", task_id);
    const running = (await (await request(`/api/v1/tasks/${task_id}/attempts`)).json()) as unknown[];
    expect(running).toMatchObject([{ number: 1, outcome: null, ended_at: null }]);
    engine.runner.attempts[0]?.log("half way", "warn");
    engine.runner.attempts[0]?.fail("TypeError: no");
    await engine.next("task_failed", task_id);
    const attempts = (await (await request(`/api/v1/tasks/${task_id}/attempts`)).json()) as unknown[];
    expect(attempts).toMatchObject([{ number: 1, outcome: "failed", error: "TypeError: no", error_kind: "handler" }]);
    expect([...running, ...attempts].flatMap((attempt) => breaches(attemptSchema, attempt))).toEqual([]);
    const logs = (await (await request(`/api/v1/tasks/${task_id}/logs`)).json()) as unknown[];
    expect(logs).toMatchObject([{ attempt: 1, level: "warn", message: "half way" }]);
    expect(logs.flatMap((line) => breaches(logLineSchema, line))).toEqual([]);
  });

  test("cancelling answers 200 when it waited, 202 while it runs, 409 when it is final", async () => {
    const { engine, submit, post } = await testApp({ slots: 1 });
    const first = await submit({ func_name: "echo" });
    await engine.next("task_started", first.task_id);
    const second = await submit({ func_name: "echo" });
    const waited = await post(`/api/v1/tasks/${second.task_id}/cancel`);
    expect(waited.status).toBe(200);
    expect((await taskOf(waited)).status).toBe("cancelled");
    const ran = await post(`/api/v1/tasks/${first.task_id}/cancel`);
    expect(ran.status).toBe(202);
    expect((await taskOf(ran)).status).toBe("running");
    await engine.next("task_cancelled", first.task_id);
    expect(await problemOf(await post(`/api/v1/tasks/${first.task_id}/cancel`))).toMatchObject({
      status: 409,
      code: "task_final",
    });
  });

  test("retrying makes a new task of a failed one, and of no other", async () => {
    const { engine, submit, post } = await testApp({ slots: 1 });
    const body = { func_name: "add_numbers", args: [1], kwargs: { b: 2 }, max_retries: 0, timeout: 7, priority: 1 };
    const { task_id } = await submit(body);
    await engine.next("task_started", task_id);
    expect(await problemOf(await post(`/api/v1/tasks/${task_id}/retry`))).toMatchObject({
      status: 409,
      code: "task_not_retryable",
    });
    engine.runner.attempts[0]?.fail();
    await engine.next("task_failed", task_id);
    const response = await post(`/api/v1/tasks/${task_id}/retry`);
    expect(response.status).toBe(201);
    const again = await taskOf(response);
    expect(again).toMatchObject({ ...body, status: "queued", retry_count: 0 });
    expect(again.task_id).not.toBe(task_id);
  });

  test.each(["", "/attempts", "/logs"])("GET …/unknown%s is a 404", async (suffix) => {
    const { request } = await testApp();
    expect(await problemOf(await request(`/api/v1/tasks/unknown${suffix}`))).toMatchObject({
      status: 404,
      code: "unknown_task",
    });
  });

  test.each(["cancel", "retry"])("POST …/unknown/%s is a 404", async (verb) => {
    const { post } = await testApp();
    expect((await problemOf(await post(`/api/v1/tasks/unknown/${verb}`))).code).toBe("unknown_task");
  });
});

describe("a trace", () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  test("is kept with every task that is submitted in it, and with the new task of a retry", async () => {
    const { engine, post } = await testApp({ slots: 0 });
    const one = await taskOf(await post("/api/v1/tasks", { func_name: "echo" }, { traceparent }));
    const batch = await post("/api/v1/tasks/batch", { tasks: [{ func_name: "echo" }] }, { traceparent });
    const [other] = ((await batch.json()) as { tasks: WireTask[] }).tasks;
    await post(`/api/v1/tasks/${one.task_id}/cancel`);
    const again = await taskOf(await post(`/api/v1/tasks/${one.task_id}/retry`, undefined, { traceparent }));
    for (const task of [one, other, again])
      expect(await engine.find(task?.task_id ?? "")).toMatchObject({ traceparent });
  });

  test("that is not valid is ignored", async () => {
    const { engine, post } = await testApp({ slots: 0 });
    const response = await post("/api/v1/tasks", { func_name: "echo" }, { traceparent: "00-abc" });
    expect(response.status).toBe(201);
    expect((await engine.find((await taskOf(response)).task_id)).traceparent).toBeNull();
  });
});

describe("GET /api/v1/tasks/{task_id}/waiting", () => {
  test("says why a task waits, and nothing of one that does not", async () => {
    const { engine, request, submit } = await testApp({ slots: 0 });
    await submit({ func_name: "echo" });
    const { task_id } = await submit({ func_name: "echo" });
    const get = async () => (await request(`/api/v1/tasks/${task_id}/waiting`)).json();
    expect(await get()).toEqual({
      ...{ task_id, status: "queued", reason: "no_workers", detail: expect.any(String), until: null },
      ...{ ahead: 1, ahead_is_more: false },
    });
    await engine.cancel(task_id);
    expect(await get()).toEqual({
      ...{ task_id, status: "cancelled", reason: null, detail: null, until: null, ahead: null, ahead_is_more: false },
    });
    expect((await problemOf(await request("/api/v1/tasks/gone/waiting"))).code).toBe("unknown_task");
  });
});
