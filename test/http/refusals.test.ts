import { describe, expect, test } from "bun:test";
import { maxBodyBytes } from "../../src/http/body.ts";
import { problemOf, testApp } from "../support/app.ts";
import type { LogEntry } from "../support/engine.ts";

describe("a request that cannot be served", () => {
  test.each([
    ["{bad", 400, "invalid_json"],
    ['{"func_name": "echo"', 400, "invalid_json"],
    [" ", 400, "invalid_json"],
    ["[]", 422, "validation_failed"],
    ["null", 422, "validation_failed"],
    ['"echo"', 422, "validation_failed"],
    ["{}", 422, "validation_failed"],
    [`{"func_name": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`, 422, "validation_failed"],
    [`{"func_name": "echo", "args": ${"[".repeat(250)}${"]".repeat(250)}}`, 422, "validation_failed"],
    [`{"func_name": "echo", "kwargs": ${'{"a":'.repeat(250)}0${"}".repeat(250)}}`, 422, "validation_failed"],
  ])("the body %.40s is a %i %s", async (body, status, code) => {
    const { post } = await testApp();
    expect(await problemOf(await post("/api/v1/tasks", body))).toMatchObject({ status, code });
  });

  test("every fault of a body is told, and an unknown field gets the nearest known one", async () => {
    const { post } = await testApp();
    const body = { func_name: "", argz: [], priority: "urgent", max_retries: 101, timeout: 0, run_at: 5 };
    const problem = await problemOf(await post("/api/v1/tasks", body));
    expect(problem.errors).toEqual([
      { path: "/argz", message: "unknown 'argz'. Did you mean 'args'?" },
      { path: "/func_name", message: "its length must be greater or equal to 1" },
      { path: "/priority", message: "must be 0 to 3, or critical, high, normal, low; the lowest number runs first" },
      { path: "/max_retries", message: "must be less or equal to 100" },
      { path: "/timeout", message: "must be seconds above 0 that one attempt may take, or null for the default" },
      { path: "/run_at", message: "must be a time such as 2030-01-31T09:00:00Z" },
    ]);
    expect(problem.detail).toBe("/argz: unknown 'argz'. Did you mean 'args'? (and 5 more)");
  });

  test.each(["tomorrow", "2099-01-01", "2099-01-01T00:00:00", "2099-13-01T00:00:00Z", "+275761-01-01T00:00:00Z"])(
    "run_at %s is refused, with an example",
    async (run_at) => {
      const { post } = await testApp();
      const problem = await problemOf(await post("/api/v1/tasks", { func_name: "echo", run_at }));
      expect(problem.errors).toEqual([{ path: "/run_at", message: "must be a time such as 2030-01-31T09:00:00Z" }]);
    },
  );

  test("delay and run_at exclude each other", async () => {
    const { post } = await testApp();
    const problem = await problemOf(
      await post("/api/v1/tasks", { func_name: "echo", delay: 1, run_at: "2099-01-01T00:00:00Z" }),
    );
    expect(problem.errors).toEqual([{ path: "/delay", message: "give either delay or run_at, not both" }]);
  });

  test("an unknown handler is a 404 that lists those there are", async () => {
    const { post } = await testApp();
    expect(await problemOf(await post("/api/v1/tasks", { func_name: "ecko" }))).toMatchObject({
      status: 404,
      code: "unknown_handler",
      detail: "There is no handler 'ecko'. Did you mean 'echo'? Registered: add_numbers, echo.",
    });
  });

  test("a handler that does not load is a 503 with file, line and reason", async () => {
    const { engine, post } = await testApp();
    engine.catalog.break("broken", "Unexpected ;");
    const response = await post("/api/v1/tasks", { func_name: "broken" });
    expect(response.headers.get("retry-after")).toBe("5");
    expect(await problemOf(response)).toMatchObject({
      status: 503,
      code: "handler_load_error",
      detail: "Handler 'broken' does not load: broken.ts:3: Unexpected ;",
    });
  });

  test("a full queue is a 429 with Retry-After", async () => {
    const { submit, post } = await testApp({ slots: 0, settings: { maxQueueSize: 2 } });
    await submit({ func_name: "echo" });
    await submit({ func_name: "echo", delay: 60 });
    const response = await post("/api/v1/tasks", { func_name: "echo" });
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await problemOf(response)).toMatchObject({ status: 429, code: "queue_full" });
  });

  test("a body over the limit is a 413, declared or not", async () => {
    const { post, request } = await testApp();
    const body = JSON.stringify({ func_name: "echo", kwargs: { text: "x".repeat(maxBodyBytes) } });
    const declared = { "content-length": String(body.length) };
    expect(await problemOf(await post("/api/v1/tasks", body, declared))).toMatchObject({
      status: 413,
      code: "body_too_large",
    });
    const chunked = await request("/api/v1/tasks", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new Blob([body]).stream(),
    });
    expect(await problemOf(chunked)).toMatchObject({ status: 413, code: "body_too_large" });
  });

  test.each([undefined, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])(
    "the content type %s is a 415",
    async (type) => {
      const { request } = await testApp();
      const headers: Record<string, string> = type === undefined ? {} : { "content-type": type };
      const body = new TextEncoder().encode('{"func_name":"echo"}');
      const response = await request("/api/v1/tasks", { method: "POST", headers, body });
      expect(await problemOf(response)).toMatchObject({ status: 415, code: "unsupported_media_type" });
    },
  );

  test.each(["application/json", "application/json; charset=utf-8", "Application/JSON", "application/vnd.x+json"])(
    "the content type %s is read",
    async (type) => {
      const { post } = await testApp();
      expect((await post("/api/v1/tasks", '{"func_name":"echo"}', { "content-type": type })).status).toBe(201);
    },
  );

  test("an unknown path is a 404, a known one with another method a 405 with Allow", async () => {
    const { request } = await testApp();
    expect(await problemOf(await request("/nope"))).toMatchObject({ status: 404, code: "not_found" });
    const response = await request("/api/v1/tasks/abc/cancel", { method: "DELETE" });
    expect(response.headers.get("allow")).toBe("POST");
    expect(await problemOf(response)).toMatchObject({ status: 405, code: "method_not_allowed" });
    expect((await request("/api/v1/tasks", { method: "PUT" })).headers.get("allow")).toBe("POST, GET");
  });

  test("a query parameter that nobody knows is refused on every route", async () => {
    const { request, post } = await testApp();
    for (const path of ["/", "/health", "/api/v1/metrics", "/api/v1/handlers", "/api/v1/registered-tasks"]) {
      expect(await problemOf(await request(`${path}?x=1`))).toMatchObject({ status: 422, errors: [{ path: "/x" }] });
    }
    expect((await problemOf(await post("/api/v1/tasks?dry_run=1", { func_name: "echo" }))).status).toBe(422);
  });

  test("a defect of the server says nothing of itself, and its log says all", async () => {
    const lines: LogEntry[] = [];
    const { engine, request } = await testApp({ lines });
    const error = new Error(`cannot read /srv/secret/taskflow.db at ${import.meta.path}:1:1`);
    engine.find = () => Promise.reject(error);
    const response = await request("/api/v1/tasks/x", { headers: { "x-request-id": "seven" } });
    const text = await response.text();
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(JSON.parse(text)).toEqual({
      type: "urn:taskflow:problem:internal",
      title: "Internal Server Error",
      status: 500,
      detail: "Something went wrong on the server; its log says what, of the request seven.",
      code: "internal",
    });
    const fields = { request_id: "seven", method: "GET", path: "/api/v1/tasks/x", error };
    expect(lines.filter(({ level }) => level !== "debug")).toEqual([
      { level: "error", message: "request failed", fields },
    ]);
  });

  test("what is sent is not sent back at length", async () => {
    const { post } = await testApp();
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`key_${n}`, 1]));
    for (const body of [{ func_name: "x".repeat(100_000) }, { func_name: "add_numbers", kwargs: many }]) {
      const response = await post("/api/v1/tasks", body);
      expect((await response.text()).length).toBeLessThan(20_000);
    }
  });
});
