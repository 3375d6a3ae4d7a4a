import { describe, expect, test } from "bun:test";
import { declaredBy } from "../../src/engine/runner.ts";
import { problemOf, testApp } from "../support/app.ts";
import { aDeclaration } from "../support/periodic.ts";

describe("the front door", () => {
  test("tells a program where things are and sends a browser to a page", async () => {
    const { request } = await testApp();
    expect(await (await request("/")).json()).toEqual({
      message: expect.any(String),
      docs: "/docs",
      websocket: "/ws",
      api: "/api/v1",
    });
    const browser = await request("/", { headers: { accept: "text/html,application/xhtml+xml" } });
    expect(browser.status).toBe(302);
    expect(browser.headers.get("location")).toBe("/dashboard");
  });
});

describe("health", () => {
  test("is healthy with the queue and the workers", async () => {
    const { request, submit } = await testApp({ slots: 0 });
    await submit({ func_name: "echo" });
    const response = await request("/health");
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      status: "healthy",
      reason: null,
      queue: { current_size: 1, pending_count: 1 },
      workers: { num_workers: expect.any(Number), running: expect.any(Boolean), active_workers: expect.any(Number) },
    });
    expect(await (await request("/health/ready")).json()).toEqual({ status: "ready", reason: null });
  });

  test("is a 503 with the reason when workers do not start, and liveness stays", async () => {
    const { engine, request } = await testApp();
    engine.runner.reason = "the worker exited with code 1";
    for (const path of ["/health", "/health/ready"]) {
      const response = await request(path);
      expect(response.status).toBe(503);
      expect(response.headers.get("retry-after")).toBe("1");
      expect(await response.json()).toMatchObject({ status: "unhealthy", reason: "the worker exited with code 1" });
    }
    expect((await request("/health/live")).status).toBe(200);
  });

  test("is a 503 draining while the server stops", async () => {
    const { engine, request, submit } = await testApp({ slots: 1 });
    const { task_id } = await submit({ func_name: "echo" });
    await engine.next("task_started", task_id);
    const stopped = engine.stop();
    const response = await request("/health");
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ status: "draining" });
    engine.runner.attempts[0]?.complete();
    await stopped;
  });
});

describe("metrics", () => {
  test("count what happened and time it by handler", async () => {
    const { engine, request, submit } = await testApp({ slots: 1 });
    const done = await submit({ func_name: "echo" });
    await engine.next("task_started", done.task_id);
    const failing = await submit({ func_name: "add_numbers", args: [1, 2], max_retries: 0 });
    await engine.clock.advance(250);
    engine.runner.attempts[0]?.complete();
    await engine.next("task_started", failing.task_id);
    engine.runner.attempts[1]?.fail();
    await engine.next("task_failed", failing.task_id);
    await submit({ func_name: "echo", delay: 60 });
    const metrics = await (await request("/api/v1/metrics")).json();
    expect(metrics).toMatchObject({
      queue: {
        total_enqueued: 3,
        total_dequeued: 2,
        current_size: 0,
        pending_count: 0,
        scheduled_count: 1,
        running_count: 0,
        completed_count: 1,
        failed_count: 1,
      },
      handlers: {
        echo: { completed: 1, run: { p50: 0.25, p99: 0.25 } },
        add_numbers: { failed: 1, wait: { p50: 0.25 } },
      },
      timestamp: new Date(engine.clock.now()).toISOString(),
    });
  });
});

describe("handlers", () => {
  test("all are listed, those that do not load with the error; only the others can be called", async () => {
    const { engine, request } = await testApp();
    engine.catalog.break("broken", "Unexpected ;");
    const handlers = (await (await request("/api/v1/handlers")).json()) as unknown[];
    expect(handlers).toMatchObject([
      { name: "add_numbers", status: "ready", error: null, input_schema: { type: "object" } },
      {
        name: "broken",
        status: "load_error",
        error: { message: "Unexpected ;", file: "broken.ts", line: 3, column: 7 },
        options: null,
      },
      { name: "echo", status: "ready", input_schema: null },
    ]);
    expect(await (await request("/api/v1/registered-tasks")).json()).toEqual({ tasks: ["add_numbers", "echo"] });
  });

  test("one whose last good version serves shows that version beside the error, and can be called", async () => {
    const { engine, request, post } = await testApp();
    const serving = engine.catalog.find("add_numbers")?.generation;
    engine.catalog.breakButServe("add_numbers", "Unexpected ;");
    expect(await (await request("/api/v1/handlers/add_numbers")).json()).toMatchObject({
      status: "load_error",
      generation: engine.catalog.generation,
      serving_generation: serving,
      error: { message: "Unexpected ;" },
      input_schema: { type: "object" },
      options: { timeout: null },
    });
    expect(await (await request("/api/v1/registered-tasks")).json()).toEqual({ tasks: ["add_numbers", "echo"] });
    expect((await post("/api/v1/tasks", { func_name: "add_numbers", args: [1] })).status).toBe(422);
    expect((await post("/api/v1/tasks", { func_name: "add_numbers", args: [1, 2] })).status).toBe(201);
  });

  test("one that declares periodic tasks shows them, and why one was not taken on", async () => {
    const { engine, request, post } = await testApp();
    const taken = { name: "taken", func_name: "echo", cron_expression: "@daily" };
    expect((await post("/api/v1/periodic-tasks", taken)).status).toBe(201);
    const schedules = ["taken", "echo"].map((name) => aDeclaration({ name, timezone: "Europe/Berlin" }));
    engine.catalog.define("echo", { schedules });
    await engine.periodic.syncDeclared(declaredBy(engine.catalog));
    const shown = async () => (await (await request("/api/v1/handlers/echo")).json()).schedules;
    const common = { cron_expression: "* * * * *", timezone: "Europe/Berlin" };
    expect(await shown()).toEqual([
      { name: "taken", ...common, error: "The name is taken by an entry that was created over the API." },
      { name: "echo", ...common, error: null },
    ]);
    await request("/api/v1/periodic-tasks/taken", { method: "DELETE" });
    expect((await shown())[0].error).toBeNull();
  });

  test("one is found by its name, colons included; an unknown one is a 404", async () => {
    const { engine, request } = await testApp();
    engine.catalog.define("db:backup", { timeoutMs: 30_000, maxRetries: 1, priority: 0 });
    for (const name of ["db:backup", "db%3Abackup"]) {
      expect(await (await request(`/api/v1/handlers/${name}`)).json()).toMatchObject({
        name: "db:backup",
        options: { timeout: 30, max_retries: 1, priority: 0, backoff: { base: 1, cap: 3600, jitter: 0.1 } },
      });
    }
    expect((await problemOf(await request("/api/v1/handlers/nope"))).code).toBe("unknown_handler");
  });
});

test("clearing the queue cancels what waits and leaves what runs", async () => {
  const { engine, request, submit, post } = await testApp({ slots: 1 });
  const running = await submit({ func_name: "echo" });
  await engine.next("task_started", running.task_id);
  await submit({ func_name: "echo" });
  await submit({ func_name: "echo", delay: 60 });
  const response = await post("/api/v1/system/clear-queue");
  expect(await response.json()).toEqual({ message: "Cancelled 2 waiting tasks", cleared: 2 });
  const cancelled = (await (await request("/api/v1/tasks?status=cancelled")).json()) as unknown[];
  expect(cancelled).toHaveLength(2);
  expect(await (await request(`/api/v1/tasks/${running.task_id}`)).json()).toMatchObject({ status: "running" });
});

test("the system tells versions, uptime, the store and the configuration", async () => {
  const { request, submit } = await testApp({ slots: 0 });
  await submit({ func_name: "echo" });
  const response = await request("/api/v1/system");
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    versions: { taskflow: "0.0.0", bun: Bun.version, store: expect.stringMatching(/^SQLite \d+\.\d+/) },
    started_at: expect.any(String),
    uptime: expect.any(Number),
    health: { status: "healthy", reason: null },
    store: {
      database_bytes: expect.any(Number),
      wal_bytes: 0,
      writes: expect.any(Number),
      failed_commits: 0,
      oldest_waiting_since: "2030-01-01T00:00:00.000Z",
    },
    configuration: [{ name: "TASKFLOW_PORT", value: 8_000, default: "8000", description: "Port to listen on" }],
  });
});
