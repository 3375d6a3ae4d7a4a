import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { startServer, type TestServer } from "../support/server.ts";
import { chunkText, dialWire, requestText, type Wire } from "./wire.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(60_000);

const tasksDir = join(import.meta.dir, "tasks");
const key = "0123456789abcdef-write";
const json = { "content-type": "application/json" };
const submission = "POST /api/v1/tasks";
const post = `${submission} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
const echo = '{"func_name":"echo"}';
const servers = { open: null as TestServer | null, keyed: null as TestServer | null };

beforeAll(async () => {
  const env = { TASKFLOW_NUM_WORKERS: "0" };
  [servers.open, servers.keyed] = await Promise.all([
    startServer({ tasksDir, env }),
    startServer({ tasksDir, env: { ...env, TASKFLOW_API_KEYS: `ci:${key}` } }),
  ]);
});

afterAll(async () => {
  for (const server of Object.values(servers)) await server?.[Symbol.asyncDispose]();
});

function dialTo(which: keyof typeof servers): Promise<Wire> {
  return dialWire(servers[which]?.url ?? "");
}

async function tasksStored(): Promise<number> {
  const tasks = await (await fetch(`${servers.open?.url}/api/v1/tasks?limit=1000`)).json();
  return tasks.length;
}

describe("what two readers could take for different requests is none, and its connection ends:", () => {
  test.each<[string, string]>([
    ["a length and chunks", `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${post}`],
    ["chunks and a length", `${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${post}`],
    ["two lengths", `${post}Content-Length: 20\r\nContent-Length: 2\r\n\r\n${echo}`],
    ["two lengths in one", `${post}Content-Length: 20, 20\r\n\r\n${echo}`],
    ["a length below zero", `${post}Content-Length: -20\r\n\r\n${echo}`],
    ["a length with a sign", `${post}Content-Length: +20\r\n\r\n${echo}`],
    ["a length in hexadecimal", `${post}Content-Length: 0x14\r\n\r\n${echo}`],
    ["a length that is no number", `${post}Content-Length: 20x\r\n\r\n${echo}`],
    ["an encoding beside chunks", `${post}Transfer-Encoding: gzip, chunked\r\n\r\n${chunkText(echo)}0\r\n\r\n`],
    [
      "an encoding that only looks like chunks",
      `${post}Transfer-Encoding: xchunked\r\n\r\n${chunkText(echo)}0\r\n\r\n`,
    ],
    ["a blank before the colon", `${post}Transfer-Encoding : chunked\r\n\r\n${chunkText(echo)}0\r\n\r\n`],
    ["a chunk whose length is none", `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n${echo}\r\n0\r\n\r\n`],
    ["a chunk of absurd length", `${post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n${echo}\r\n0\r\n\r\n`],
    ["a chunk longer than it says", `${post}Transfer-Encoding: chunked\r\n\r\n2\r\n${echo}\r\n0\r\n\r\n`],
    ["a header that goes on in the next line", `GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n`],
    ["a carriage return inside a header", `GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb: c\r\n\r\n`],
    ["a NUL inside a header", `GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n`],
    ["lines that end in a line feed alone", "GET /health/live HTTP/1.1\nHost: localhost\n\n"],
    ["another version of HTTP", "GET /health/live HTTP/3.7\r\nHost: localhost\r\n\r\n"],
    ["no version of HTTP", "GET /health/live\r\n\r\n"],
    ["no Host", "GET /health/live HTTP/1.1\r\n\r\n"],
    ["the beginning of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["a TLS handshake", "\x16\x03\x01\x02\0\x01\0\x01"],
  ])("%s", async (_what, text) => {
    const before = await tasksStored();
    using wire = await dialTo("open");
    wire.send(text);
    const refusal = await wire.response();
    expect([400, 505]).toContain(refusal.status);
    expect(refusal.body).toBe("");
    await wire.closed;
    expect(await tasksStored()).toBe(before);
  });

  test.each(["BREW", "get", "P\0ST"])("the method %p", async (method) => {
    using wire = await dialTo("open");
    wire.send(`${method} /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await wire.closed;
  });
});

describe("what is too long is refused before it is gathered:", () => {
  test.each<[string, string]>([
    ["the address", requestText(`GET /${"a".repeat(20_000)}`)],
    ["a header", requestText("GET /", { x: "a".repeat(20_000) })],
    [
      "all headers together",
      requestText("GET /", Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`x${n}`, "a"]))),
    ],
  ])("%s", async (_what, text) => {
    using wire = await dialTo("open");
    wire.send(text);
    expect(await wire.response()).toMatchObject({ status: 431, body: "" });
    await wire.closed;
  });
});

test("what is written into an address or a header comes back as text and never as a line of its own", async () => {
  using wire = await dialTo("open");
  const injected = "%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0a<script>";
  for (const line of [
    `GET /${injected}`,
    `GET /api/v1/tasks/${injected}`,
    `GET /api/v1/handlers/${injected}`,
    `GET /api/v1/tasks?${injected}=1`,
    `GET /api/v1/tasks?limit=1&func_name=${injected}`,
  ]) {
    wire.send(requestText(line, { origin: "http://localhost:1" }));
    const { head } = await wire.response();
    expect(head).not.toMatch(/set-cookie/i);
    expect(head).not.toMatch(/^(server|x-powered-by):/im);
  }
});

test("requests sent at once on one connection are answered in their order, and each for itself", async () => {
  using wire = await dialTo("keyed");
  const authorization = `Bearer ${key}`;
  wire.send(
    requestText("GET /api/v1/registered-tasks", { authorization }) +
      requestText("GET /api/v1/registered-tasks") +
      requestText(submission, json, echo) +
      requestText("GET /nope", { authorization }) +
      requestText("GET /health/live"),
  );
  const statuses: number[] = [];
  for (let n = 0; n < 5; n++) statuses.push((await wire.response()).status);
  expect(statuses).toEqual([200, 401, 401, 404, 200]);
});

describe("with keys, what hides where it goes is no way around them:", () => {
  test.each<[string, number, string]>([
    ["HTTP/1.0 without Host", 403, "GET /api/v1/tasks HTTP/1.0\r\n\r\n"],
    ["HTTP/1.0 without Host, for nothing there is", 403, "GET /nope HTTP/1.0\r\n\r\n"],
    ["an empty Host", 403, requestText("GET /api/v1/tasks", { host: "" })],
    ["a Host that is none", 403, requestText("GET /api/v1/tasks", { host: "a@b" })],
    ["a Host with a path to what is open", 403, requestText("GET /api/v1/tasks", { host: "localhost/health?" })],
    ["a Host of bytes", 403, requestText("GET /health", { host: "\xff\xfe" })],
    ["two Hosts", 403, "GET /api/v1/tasks HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"],
    ["a tunnel", 403, requestText("CONNECT localhost:80")],
    ["an address in full", 401, requestText("GET http://localhost/api/v1/tasks")],
    ["dots", 401, requestText("GET /health/../api/v1/tasks")],
    ["encoded dots", 401, requestText("GET /health/%2e%2e/api/v1/tasks")],
    [
      "backslashes within a name",
      401,
      requestText("POST /api/v1/tasks/x\\..\\..\\..\\..\\docs\\assets\\/cancel", json),
    ],
    ["a second slash", 401, requestText("GET //health")],
    ["a fragment", 401, requestText("GET /api/v1/tasks#/../../../health")],
    ["another method", 401, requestText("TRACE /api/v1/tasks")],
  ])("%s", async (_what, status, text) => {
    using wire = await dialTo("keyed");
    wire.send(text);
    expect(await wire.response()).toMatchObject({ status, type: "application/problem+json" });
  });

  test("backslashes that lead to what is open lead there and nowhere else", async () => {
    using wire = await dialTo("keyed");
    wire.send(requestText("GET /api/v1/tasks/..\\..\\..\\health\\live"));
    expect(await wire.response()).toMatchObject({ status: 200, body: '{"status":"alive"}' });
  });

  test("a Host of one letter is answered like any other", async () => {
    using wire = await dialTo("keyed");
    wire.send(requestText("GET /health/live", { host: "t" }));
    expect(await wire.response()).toMatchObject({ status: 200, body: '{"status":"alive"}' });
  });
});

test("without keys, an address in full is no way around the Host", async () => {
  using wire = await dialTo("open");
  wire.send(requestText("GET http://localhost/api/v1/tasks", { host: "evil.example" }));
  expect((await wire.response()).status).toBe(403);
  wire.send(requestText("GET http://evil.example/api/v1/tasks", { "x-forwarded-host": "evil.example" }));
  expect((await wire.response()).status).toBe(200);
});

test("connections that say nothing, or their headers a byte at a time, are closed", async () => {
  const wires = await Promise.all([dialTo("open"), dialTo("open"), dialTo("open"), dialTo("open")]);
  const [, half, bytes, lines] = wires;
  half?.send("GET /health HTTP/1.1\r\nHost: lo");
  bytes?.send("GET /health HTTP/1.1\r\nHost: localhost\r\nX: ");
  lines?.send("GET /health HTTP/1.1\r\nHost: localhost\r\n");
  const trickle = setInterval(() => {
    bytes?.send("a");
    lines?.send("X: a\r\n");
  }, 1_000);
  await Promise.all(wires.map(({ closed }) => closed));
  clearInterval(trickle);
});

test("wrong keys are counted by the address that they come from", async () => {
  await using server = await startServer({
    tasksDir,
    env: { TASKFLOW_NUM_WORKERS: "0", TASKFLOW_API_KEYS: `ci:${key}` },
  });
  const attempt = (text: string) =>
    fetch(`${server.url}/api/v1/registered-tasks`, { headers: { authorization: `Bearer ${text}` } });
  expect((await attempt(key)).status).toBe(200);
  const statuses: number[] = [];
  for (let n = 0; n < 12; n++) statuses.push((await attempt("wrong")).status);
  expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
  expect((await attempt(key)).status).toBe(200);
});

describe("the WebSocket", () => {
  test("ends with 1009 when a message is far over the limit, and answers one that is a little over it", async () => {
    const client = new WebSocket(`${servers.open?.url.replace("http", "ws")}/ws`);
    const answers: { type: string; code: string }[] = [];
    const closed = new Promise<number>((done) => client.addEventListener("close", ({ code }) => done(code)));
    client.onopen = () => client.send("x".repeat(1_200_000));
    client.onmessage = ({ data }) => {
      answers.push(JSON.parse(String(data)));
      client.send("x".repeat(3_000_000));
    };
    expect(await closed).toBe(1009);
    expect(answers).toMatchObject([{ type: "error", code: "body_too_large" }]);
  });

  test("is closed to a client that has 250 of them", async () => {
    const open = () => new WebSocket(`${servers.open?.url.replace("http", "ws")}/ws`);
    const sockets = Array.from({ length: 250 }, open);
    await Promise.all(sockets.map((socket) => new Promise((done) => socket.addEventListener("open", done))));
    const code = await new Promise<number>((done) => open().addEventListener("close", (event) => done(event.code)));
    expect(code).toBe(1013);
    expect(sockets.filter(({ readyState }) => readyState !== WebSocket.OPEN)).toEqual([]);
    for (const socket of sockets) socket.close();
  });
});
