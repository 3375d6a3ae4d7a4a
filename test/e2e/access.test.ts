import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { connect } from "../support/client.ts";
import { startServer, type TestServer } from "../support/server.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

const tasksDir = join(import.meta.dir, "tasks");
const writeKey = "0123456789abcdef-write";
const readKey = "0123456789abcdef-read";

describe("with keys", () => {
  let server: TestServer;

  beforeAll(async () => {
    const env = { TASKFLOW_API_KEYS: `ci:${writeKey},board:${readKey}:read`, TASKFLOW_NUM_WORKERS: "1" };
    server = await startServer({ tasksDir, env });
  });

  afterAll(() => server?.[Symbol.asyncDispose]());

  test("health needs none, everything else does", async () => {
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    for (const path of ["/api/v1/tasks", "/api/v1/metrics", "/docs/json", "/ws"]) {
      const refused = await fetch(`${server.url}${path}`);
      expect([path, refused.status]).toEqual([path, 401]);
      expect(await refused.json()).toMatchObject({ code: "unauthorized" });
    }
  });

  test("a write key that comes as a subprotocol may submit over the WebSocket", async () => {
    using client = await connect(server.url, writeKey);
    const submitted = await client.ask({ type: "submit", func_name: "echo", kwargs: { n: 1 } });
    expect(submitted).toMatchObject({ type: "submitted", task: { func_name: "echo" } });
    const done = await client.final(String(submitted.task?.task_id));
    expect(done).toMatchObject({ status: "completed", result: { n: 1 } });
  });

  test("a read key hears everything, and can neither submit nor cancel", async () => {
    using writer = await connect(server.url, writeKey);
    using reader = await connect(server.url, readKey);
    const later = await writer.submit({ func_name: "echo", delay: 3_600 });
    expect((await reader.post("/api/v1/tasks", { func_name: "echo" })).status).toBe(403);
    for (const request of [
      { type: "submit", func_name: "echo" },
      { type: "cancel", task_id: later.task_id },
    ]) {
      expect(await reader.ask(request)).toMatchObject({ type: "error", code: "forbidden" });
    }
    const { task_id } = await writer.submit({ func_name: "echo" });
    await reader.event(task_id, ({ type }) => type === "task_completed");
    expect(await (await reader.get(`/api/v1/tasks/${later.task_id}`)).json()).toMatchObject({ status: "pending" });
  });

  test("a wrong key gets no WebSocket", async () => {
    await expect(connect(server.url, "0123456789abcdef-wrong")).rejects.toThrow();
  });

  test("no key is in the log", () => {
    expect(server.output.stdout).not.toContain(writeKey);
    expect(server.output.stdout).not.toContain(readKey);
  });
});

describe("on an address that others reach, without keys, one is made:", () => {
  test("it is printed once and not logged, and only who has it gets in", async () => {
    await using server = await startServer({ tasksDir, env: { TASKFLOW_HOST: "0.0.0.0", TASKFLOW_NUM_WORKERS: "1" } });
    const key = /Authorization: Bearer ([0-9a-f]{32,})\n/.exec(server.output.stderr)?.[1] ?? "";
    const link = new URL(/http:\S+/.exec(server.output.stderr)?.[0] ?? "");
    expect(link.hash).toBe(`#key=${key}`);
    // What a browser asks for: it keeps what is behind the # to itself, on the page that it is sent on to as well.
    const page = await fetch(link.origin + link.pathname, { headers: { accept: "text/html" } });
    expect([page.status, page.redirected, page.headers.get("content-type")]).toEqual([
      200,
      true,
      "text/html; charset=utf-8",
    ]);
    expect((await fetch(`${server.url}/api/v1/tasks`)).status).toBe(401);
    using client = await connect(server.url, key);
    const { task_id } = await client.submit({ func_name: "echo" });
    expect(await client.final(task_id)).toMatchObject({ status: "completed" });
    expect(server.output.stdout).not.toContain(key);
  });
});
