import { afterEach, beforeEach, expect, test } from "bun:test";
import { Elysia } from "elysia";
import { jsonText } from "../../../src/domain/task.ts";
import { type LiveOptions, live } from "../../../src/http/live/live.ts";
import { completed, createFakeEngine, type FakeEngine, running } from "../fake-engine.ts";
import { type DialOptions, dialDeaf, dial as dialHost, type Socket } from "./dial.ts";
import { type Received, turn } from "./fake-socket.ts";

let engine: FakeEngine;
let server: ReturnType<typeof serve>;
let sockets: Socket[];

beforeEach(() => {
  engine = createFakeEngine();
  server = serve();
  sockets = [];
});

afterEach(async () => {
  for (const socket of sockets) socket.leave();
  await server.app.stop(true);
});

/** A server with nothing but the WebSocket, used as a plugin as the real one is. */
function serve(options: Partial<LiveOptions> = {}) {
  const quiet = () => undefined;
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const app = new Elysia()
    .use(live(engine, { log, now: engine.clock.now, ...options }))
    .listen({ port: 0, hostname: "127.0.0.1" });
  return { app, hub: app.decorator.live, host: `127.0.0.1:${app.server?.port}` };
}

async function restart(options: Partial<LiveOptions>): Promise<void> {
  await server.app.stop(true);
  server = serve(options);
}

async function dial(options: DialOptions = {}): Promise<Socket> {
  const socket = await dialHost(server.host, options);
  sockets.push(socket);
  return socket;
}

const answerTo = (id: string | number) => (message: Received) => message.id === id;
const ofType = (type: string) => (message: Received) => message.type === type;
const types = ({ received }: Socket) => received.map(({ type }) => type);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

test("two clients: one hears everything, the other its own task", async () => {
  const [all, own] = [await dial(), await dial()];
  own.say({ type: "submit", func_name: "add_numbers", kwargs: { a: 1 }, id: "s" });
  const { task } = await own.first(answerTo("s"));
  const id = task?.task_id ?? "";
  const other = engine.put();
  engine.change(other, running());
  engine.change({ id }, running());
  engine.change({ id }, completed);
  engine.change(other, completed);
  await all.first(({ type, task }) => type === "task_completed" && task?.task_id === other.id);
  await own.first(ofType("task_completed"));
  expect(types(all)).toEqual(["task_queued", "task_started", "task_started", "task_completed", "task_completed"]);
  expect(types(own)).toEqual(["submitted", "task_queued", "task_started", "task_completed"]);
});

test("a client that lost its connection goes on where it was", async () => {
  const task = engine.put();
  const before = await dial();
  engine.change(task, running());
  const { seq } = await before.first(ofType("task_started"));
  before.leave();
  await until(() => server.hub.connections === 0);
  engine.progress(task, 0.5);
  const after = await dial({ query: `?since=${seq}` });
  engine.change(task, completed);
  await after.first(ofType("task_completed"));
  expect(types(after)).toEqual(["task_progress", "task_completed"]);
});

test("a client that comes back too late is told so first", async () => {
  const socket = await dial({ query: "?since=1" });
  engine.change(engine.put(), running());
  await socket.first(ofType("task_started"));
  expect(socket.received[0]).toMatchObject({ type: "resume_failed", since: 1 });
});

test.each<[string, string | Uint8Array<ArrayBuffer>, string]>([
  ["a number", "42", "validation_failed"],
  ["true", "true", "validation_failed"],
  ["a word", "ping", "invalid_json"],
  ["a path", "/ws", "invalid_json"],
  ["JSON in a string", '"{\\"type\\":\\"ping\\"}"', "validation_failed"],
  ["a broken object", '{"type":', "invalid_json"],
  ["an array", "[]", "validation_failed"],
  ["an empty text", "", "invalid_json"],
  ["bytes", new TextEncoder().encode('{"type":"ping"}'), "unsupported_media_type"],
  ["2 MB", `{"type":"ping","id":"${"x".repeat(2_000_000)}"}`, "body_too_large"],
])("%s gets an error, and the connection stays", async (_what, data, code) => {
  const socket = await dial();
  socket.sayRaw(data);
  socket.say({ type: "ping", id: 1 });
  await socket.first(answerTo(1));
  expect(socket.received).toMatchObject([{ type: "error", code }, { type: "pong" }]);
});

test("a submission of 1 MB with its type and id beside it is accepted", async () => {
  const socket = await dial();
  socket.say({ type: "submit", id: 1, func_name: "f", args: ["x".repeat(1_000_000)] });
  expect(await socket.first(answerTo(1))).toMatchObject({ type: "submitted" });
});

test("a time in a submission is understood", async () => {
  const socket = await dial();
  socket.say({ type: "submit", id: 1, func_name: "f", run_at: "2030-01-31T09:00:00Z" });
  expect(await socket.first(answerTo(1))).toMatchObject({ type: "submitted" });
  expect(engine.submissions[0]?.runAt).toBe(Date.UTC(2030, 0, 31, 9));
});

test("thousands of messages at once are answered in their order", async () => {
  const socket = await dial();
  const ids = Array.from({ length: 5_000 }, (_, index) => index);
  for (const id of ids) socket.say({ type: "ping", id });
  await socket.first(answerTo(4_999));
  expect(socket.received.map(({ id }) => Number(id))).toEqual(ids);
});

test("messages that come while one is being answered wait, and none is lost", async () => {
  const socket = await dial();
  engine.beforeRead.close();
  socket.say({ type: "submit", func_name: "f", id: 0 });
  const ids = Array.from({ length: 20_000 }, (_, index) => index + 1);
  for (const id of ids) socket.say({ type: "ping", id });
  await until(() => engine.beforeRead.waiting === 1);
  for (let n = 0; n < 100; n++) await turn();
  expect(socket.received).toEqual([]);
  engine.beforeRead.open();
  await socket.first(answerTo(20_000));
  expect(socket.received.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]))).toEqual([0, ...ids]);
});

test("a thousand events come in their order after the answer, with the other answers among them", async () => {
  const socket = await dial();
  const task = engine.put(running());
  socket.say({ type: "subscribe", task_id: task.id, id: "s" });
  await socket.first(answerTo("s"));
  const first = engine.events.latest;
  for (let n = 0; n < 1_000; n++) {
    if (n % 100 === 0) {
      socket.say({ type: "ping", id: n });
      await socket.first(answerTo(n));
    }
    engine.log(task, `line ${n}`);
  }
  engine.change(task, completed);
  await socket.first(ofType("task_completed"));
  const seqs = socket.received.flatMap(({ seq, snapshot }) => (seq === undefined || snapshot ? [] : [seq - first]));
  expect(seqs).toEqual(Array.from({ length: 1_001 }, (_, index) => index + 1));
});

test("a client that reads gets all it missed, however much more than may wait for it", async () => {
  const task = engine.put({ kwargs: jsonText({ text: "x".repeat(10_000) }) });
  const since = engine.events.latest;
  for (let n = 0; n < 1_200; n++) engine.log(task, String(n));
  const socket = await dial({ query: `?since=${since}` });
  await socket.first(({ log }) => log?.message === "1199");
  expect(socket.received.map(({ log }) => Number(log?.message))).toEqual([...Array(1_200).keys()]);
});

test("a client that never reads is closed with 1013 and forgotten, while another goes on", async () => {
  await restart({ limits: { softBytes: 64 * 1024, hardBytes: 256 * 1024 } });
  const good = await dial();
  const slow = await dialDeaf(server.host);
  expect(server.hub.connections).toBe(2);
  const task = engine.put({ kwargs: jsonText({ text: "x".repeat(100_000) }) });
  for (let attempt = 1; server.hub.connections === 2; attempt++) {
    engine.change(task, running(attempt));
    const told = engine.events.latest;
    await good.first(({ seq }) => seq === told);
  }
  engine.change(task, completed);
  await good.first(ofType("task_completed"));
  const bytes = await slow.readToEnd();
  const closeFrame = bytes.subarray(bytes.lastIndexOf(0x88));
  expect(closeFrame.readUInt16BE(2)).toBe(1013);
  expect(closeFrame.toString("utf8", 4)).toBe("too slow");
}, 30_000);

test("a connection over the limit is closed with 1013", async () => {
  await restart({ limits: { connections: 1 } });
  await dial();
  const second = await dial();
  expect(await second.closed).toBe(1013);
});

test("a client that vanishes leaves nothing behind", async () => {
  const socket = await dial();
  socket.say({ type: "subscribe", task_id: engine.put().id, id: 1 });
  await socket.first(answerTo(1));
  expect([server.hub.connections, server.hub.followedTasks]).toEqual([1, 1]);
  socket.leave();
  await until(() => server.hub.connections === 0);
  expect(server.hub.followedTasks).toBe(0);
});

test("when the server stops, clients are closed with 1001", async () => {
  const socket = await dial();
  server.hub.close();
  expect(await socket.closed).toBe(1001);
});

test("a key that comes as a subprotocol decides what the client may do", async () => {
  await restart({ mayWrite: (request) => request.headers.get("sec-websocket-protocol") === "bearer, writer" });
  for (const [key, type] of [
    ["writer", "submitted"],
    ["reader", "error"],
  ] as const) {
    const socket = await dial({ protocols: ["bearer", key] });
    expect(socket.protocol).toBe("bearer");
    socket.say({ type: "submit", func_name: "f", id: 1 });
    expect((await socket.first(answerTo(1))).type).toBe(type);
  }
});

test("a request that asks for no upgrade gets a 426", async () => {
  const response = await fetch(`http://${server.host}/ws`);
  expect(response.status).toBe(426);
  expect(response.headers.get("upgrade")).toBe("websocket");
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toMatchObject({ status: 426, code: "upgrade_required" });
});
