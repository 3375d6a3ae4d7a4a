import { describe, expect, test } from "bun:test";
import { problemOf, testApp } from "../support/app.ts";
import type { LogEntry } from "../support/engine.ts";

const made = /^[0-9a-f-]{36}$/;

describe("the request id", () => {
  test("is taken from the request and echoed, with refusals too", async () => {
    const { post, request } = await testApp();
    const headers = { "x-request-id": "order-7.b:1/2+3=@~" };
    const answers = [
      await post("/api/v1/tasks", { func_name: "echo" }, headers),
      await post("/api/v1/tasks", "{", headers),
      await post("/api/v1/tasks", { func_name: "nope" }, headers),
      await request("/nowhere", { headers }),
      await request("/api/v1/tasks", { method: "DELETE", headers }),
      await request("/api/v1/tasks", { method: "OPTIONS", headers }),
      await request("/health", { headers: { ...headers, host: "evil.example" } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 400, 404, 404, 405, 204, 403]);
    for (const answer of answers) expect(answer.headers.get("x-request-id")).toBe(headers["x-request-id"]);
  });

  test.each(["", "with a space", "x".repeat(129), 'quo"te', "<b>", "a,b", "ümlaut"])(
    "is made when what came is not fit to be one: %j",
    async (given) => {
      const { request } = await testApp();
      const answer = await request("/health/live", { headers: { "x-request-id": given } });
      expect(answer.headers.get("x-request-id")).toMatch(made);
    },
  );

  test("is another for each request that brings none", async () => {
    const { request } = await testApp();
    const ids = await Promise.all(
      [1, 2, 3].map(async () => (await request("/health/live")).headers.get("x-request-id")),
    );
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(made);
  });

  test("can be read by pages of other origins, and sent by them", async () => {
    const { request } = await testApp();
    const headers = { origin: "http://localhost:3000" };
    const answer = await request("/health/live", { headers });
    expect(answer.headers.get("access-control-expose-headers")).toContain("X-Request-Id");
    const preflight = await request("/api/v1/tasks", { method: "OPTIONS", headers });
    expect(preflight.headers.get("access-control-allow-headers")).toContain("X-Request-Id");
    expect(preflight.headers.get("access-control-allow-headers")).toContain("Traceparent");
  });
});

describe("the log", () => {
  test("has one line for each request at debug, without the query", async () => {
    const lines: LogEntry[] = [];
    const { request } = await testApp({ lines });
    await request("/api/v1/tasks?limit=none", { headers: { "x-request-id": "seven" } });
    await request("/nowhere?key=hush#top");
    expect(lines).toMatchObject([
      {
        level: "debug",
        message: "request answered",
        fields: {
          request_id: "seven",
          method: "GET",
          path: "/api/v1/tasks",
          status: 422,
          duration: expect.any(Number),
        },
      },
      { level: "debug", fields: { path: "/nowhere", status: 404 } },
    ]);
    expect(JSON.stringify(lines)).not.toContain("hush");
  });

  test("names the request that met a defect, and so does the answer", async () => {
    const lines: LogEntry[] = [];
    const app = await testApp({ lines });
    app.engine.store.list = () => Promise.reject(new Error("a defect"));
    const response = await app.request("/api/v1/tasks", { headers: { "x-request-id": "seven" } });
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status: 500, code: "internal", detail: expect.stringContaining("seven") });
    expect(JSON.stringify(problem)).not.toContain("a defect");
    expect(lines[0]).toMatchObject({ level: "error", fields: { request_id: "seven", path: "/api/v1/tasks" } });
  });
});
