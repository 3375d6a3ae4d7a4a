import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { connect, type TestClient } from "../support/client.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { chunkText, dialWire, requestText } from "./wire.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

const json = { "content-type": "application/json" };
const submission = "POST /api/v1/tasks";
const tooLarge = JSON.stringify({ func_name: "echo", kwargs: { text: "x".repeat(1024 * 1024) } });
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  server = await startServer({ tasksDir: join(import.meta.dir, "tasks"), env: { TASKFLOW_NUM_WORKERS: "1" } });
  client = await connect(server.url);
});

afterAll(async () => {
  client?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

describe("what is refused is a problem, and its connection goes on:", () => {
  test.each([
    ["a body over the limit", 413, "body_too_large", requestText(submission, json, tooLarge)],
    [
      "a chunked body over the limit",
      413,
      "body_too_large",
      requestText(submission, { ...json, "transfer-encoding": "chunked" }) +
        `${chunkText(tooLarge.slice(0, 600_000))}${chunkText(tooLarge.slice(600_000))}0\r\n\r\n`,
    ],
    ["a body that lacks a field", 422, "validation_failed", requestText(submission, json, "{}")],
    ["unreadable JSON", 400, "invalid_json", requestText(submission, json, '{"func_name":')],
    ["an empty body", 400, "invalid_json", requestText(submission, { ...json, "content-length": "0" })],
    ["another content type", 415, "unsupported_media_type", requestText(submission, { "content-type": "a/b" }, "{}")],
    ["a method that is not there", 405, "method_not_allowed", requestText("PUT /api/v1/tasks", json, "{}")],
    ["a path that is not there", 404, "not_found", requestText("POST /api/v2/tasks", json, "{}")],
    ["a task that is not there", 404, "unknown_task", requestText("GET /api/v1/tasks/%00")],
    ["a path that is no text", 422, "validation_failed", requestText("GET /api/v1/tasks/%E0%A4%A")],
    ["the name of another machine", 403, "forbidden", requestText("GET /health", { host: "rebound.example" })],
    ["a foreign page", 403, "forbidden", requestText(submission, { ...json, origin: "http://a.example" }, "{}")],
  ])("%s", async (_what, status, code, request) => {
    using wire = await dialWire(server.url);
    wire.send(request);
    const refusal = await wire.response();
    expect(refusal).toMatchObject({ status, type: "application/problem+json" });
    expect(JSON.parse(refusal.body)).toMatchObject({ status, code });
    wire.send(requestText("GET /health/live"));
    expect(await wire.response()).toMatchObject({ status: 200, body: '{"status":"alive"}' });
  });

  test("a body of which the announced length alone is absurd", async () => {
    using wire = await dialWire(server.url);
    wire.send(requestText(submission, { ...json, "content-length": "200000000000" }));
    const refusal = await wire.response();
    expect(refusal).toMatchObject({ status: 413, type: "application/problem+json" });
  });
});

test("a WebSocket that a foreign page asks for is refused, also by a name that was rebound to this machine", async () => {
  using wire = await dialWire(server.url);
  const upgrade = {
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  };
  wire.send(requestText("GET /ws", { ...upgrade, origin: "https://a.example" }));
  expect(await wire.response()).toMatchObject({ status: 403, type: "application/problem+json" });
  wire.send(requestText("GET /ws", { ...upgrade, origin: "http://a.example:80", host: "a.example:80" }));
  expect(await wire.response()).toMatchObject({ status: 403, type: "application/problem+json" });
  wire.send(requestText("GET /ws", { ...upgrade, origin: "http://localhost:3000" }));
  expect(await wire.response()).toMatchObject({ status: 101 });
});

test("what is no HTTP is a 400 and ends its own connection only", async () => {
  for (const garbage of ["GARBAGE\r\n\r\n", "\0\x01\x02\r\n\r\n", "GET /health HTTP/1.1\r\nno header\r\n\r\n"]) {
    using wire = await dialWire(server.url);
    wire.send(garbage);
    expect((await wire.response()).status).toBe(400);
    await wire.closed;
  }
  expect(await (await client.get("/health")).json()).toMatchObject({ status: "healthy" });
});

test("clients that begin a request and stop there hold up nobody, and are no defect of the server when they go", async () => {
  const wires = await Promise.all(Array.from({ length: 50 }, () => dialWire(server.url)));
  for (const wire of wires) wire.send(`${requestText(submission, { ...json, "content-length": "100" })}{"func_name"`);
  const { task_id } = await client.submit({ func_name: "echo" });
  expect(await client.final(task_id)).toMatchObject({ status: "completed" });
  for (const wire of wires) wire[Symbol.dispose]();
  // What the server makes of it comes before the answer to what is asked on a connection made later.
  const last = await client.submit({ func_name: "echo" });
  await client.final(last.task_id);
  await server.entry(({ task_id, msg }) => task_id === last.task_id && msg === "task completed");
  expect(server.entries.filter(({ level }) => level === "error").map(({ msg }) => msg)).toEqual([]);
});

test("HEAD is answered as GET is, without the body", async () => {
  for (const [path, status] of [
    ["/health/live", 200],
    ["/api/v1/tasks?limit=1", 200],
    ["/docs", 200],
    ["/api/v1/tasks/x", 404],
  ] as const) {
    const response = await fetch(`${server.url}${path}`, { method: "HEAD" });
    expect([path, response.status, await response.text()]).toEqual([path, status, ""]);
    const { headers } = await fetch(`${server.url}${path}`);
    expect(response.headers.get("content-type")).toBe(headers.get("content-type"));
    expect(response.headers.get("content-security-policy")).toBe(headers.get("content-security-policy"));
  }
});

describe("input is stored and returned as it was:", () => {
  const nested = (levels: number): unknown => (levels === 0 ? 0 : [nested(levels - 1)]);

  test.each<[string, string]>([
    ["NUL and control characters", '{"a\\u0000b":"\\u0000\\u0001\\u001f\\u007f\\u2028"}'],
    ["lone surrogates", '{"\\ud800":"\\udfff and \\ud800"}'],
    ["__proto__ and constructor as keys", '{"__proto__":{"polluted":true},"constructor":{"prototype":1}}'],
    ["text of all planes", JSON.stringify({ "ключ 🔑": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \u202e rtl é" })],
    ["a megabyte of text", JSON.stringify({ text: "é".repeat(500_000) })],
    ["deep nesting", JSON.stringify({ nested: nested(150) })],
    ["numbers at the edge", '{"numbers":[0,-1.5e-300,1.7976931348623157e308,9007199254740991,5e-324]}'],
    ["a key of a hundred thousand letters", `{"${"k".repeat(100_000)}":1}`],
    ["a key that comes twice, of which the last counts", '{"a":1,"b":2,"a":3}'],
    ["a zero below zero, which JSON knows none of", '{"zero":-0}'],
    ["an empty object", "{}"],
  ])("%s", async (_what, kwargs) => {
    const response = await fetch(`${server.url}/api/v1/tasks`, {
      method: "POST",
      headers: json,
      body: `{"func_name":"echo","kwargs":${kwargs}}`,
    });
    expect(response.status).toBe(201);
    const accepted = await response.json();
    const same = JSON.stringify(JSON.parse(kwargs));
    expect(JSON.stringify(accepted.kwargs)).toBe(same);
    const done = await client.final(accepted.task_id);
    expect(done.status).toBe("completed");
    expect(JSON.stringify(done.result)).toBe(same);
    const stored = await (await client.get(`/api/v1/tasks/${accepted.task_id}`)).json();
    expect(JSON.stringify([stored.kwargs, stored.result])).toBe(`[${same},${same}]`);
  });
});

describe("input that cannot be kept as it is is refused:", () => {
  const echo = (kwargs: string) => `{"func_name":"echo","kwargs":${kwargs}}`;

  test.each<[string, string | Uint8Array<ArrayBuffer>, number]>([
    ["a number that is none any more", echo('{"much":1e400}'), 422],
    ["a number that is none, deep in a long body", echo(`{"a":["${"x".repeat(1_000)}",{"b":-1e999}]}`), 422],
    ["an integer that would be rounded", echo('{"id":12345678901234567890}'), 422],
    ["bytes that are no UTF-8", new Uint8Array(Buffer.from(echo('{"a":"\xff\xfe"}'), "latin1")), 400],
    ["nesting without end", echo(`{"a":${"[".repeat(400_000)}${"]".repeat(400_000)}}`), 422],
    ["__proto__ as a field of the submission", '{"func_name":"echo","__proto__":{"priority":0}}', 422],
  ])("%s", async (_what, body, status) => {
    const response = await fetch(`${server.url}/api/v1/tasks`, { method: "POST", headers: json, body });
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.status).toBe(status);
  });
});
