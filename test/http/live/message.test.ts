import { beforeEach, expect, test } from "bun:test";
import { LiveHub } from "../../../src/http/live/hub.ts";
import { createFakeEngine, type FakeEngine } from "../fake-engine.ts";
import { connect, type FakeClient, turn } from "./fake-socket.ts";

let engine: FakeEngine;
let client: FakeClient;

beforeEach(() => {
  engine = createFakeEngine();
  const quiet = () => undefined;
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  client = connect(new LiveHub(engine, { log, now: engine.clock.now, limits: { messageBytes: 1_000 } }));
});

const known = "Known: subscribe, unsubscribe, submit, cancel, ping.";

test.each<[what: string, data: string | Buffer, expected: object]>([
  ["nothing", "", { code: "invalid_json" }],
  ["text", "hello", { code: "invalid_json" }],
  ["half a message", '{"type":"ping"', { code: "invalid_json" }],
  ["two messages", '{"type":"ping"}{"type":"ping"}', { code: "invalid_json" }],
  ["brackets without end", "[".repeat(900), { code: "invalid_json" }],
  ["null", "null", { code: "validation_failed", errors: [{ path: "", message: expect.any(String) }] }],
  ["a number", "42", { code: "validation_failed" }],
  ["an array", '[{"type":"ping"}]', { code: "validation_failed", errors: [{ path: "" }] }],
  ["JSON in a string", '"{\\"type\\":\\"ping\\"}"', { code: "validation_failed" }],
  ["bytes", Buffer.from('{"type":"ping"}'), { code: "unsupported_media_type" }],
  ["too much", JSON.stringify({ type: "ping", id: "x".repeat(1_000) }), { code: "body_too_large" }],
  ["too much in bytes alone", JSON.stringify({ type: "ping", id: "é".repeat(500) }), { code: "body_too_large" }],
  [
    "no type",
    "{}",
    { code: "validation_failed", errors: [{ path: "/type", message: `'type' is required. ${known}` }] },
  ],
  ["a type that is no string", '{"type":7}', { errors: [{ path: "/type", message: `must be a string. ${known}` }] }],
  [
    "an unknown type",
    '{"type":"subscibe"}',
    { errors: [{ path: "/type", message: `unknown 'subscibe'. Did you mean 'subscribe'? ${known}` }] },
  ],
  ["a type of every object", '{"type":"constructor"}', { errors: [{ path: "/type" }] }],
  ["no task_id", '{"type":"subscribe"}', { errors: [{ path: "/task_id", message: "'task_id' is required" }] }],
  ["a task_id that is no string", '{"type":"cancel","task_id":1}', { errors: [{ path: "/task_id" }] }],
  ["an unknown field", '{"type":"ping","taskid":1}', { errors: [{ path: "/taskid" }] }],
  ["a field of every object", '{"type":"ping","__proto__":1}', { errors: [{ path: "/__proto__" }] }],
  ["a field of another type", '{"type":"subscribe","task_id":"t","args":[]}', { errors: [{ path: "/args" }] }],
  [
    "an id that is an object",
    '{"type":"ping","id":{}}',
    { errors: [{ path: "/id", message: "must be a string or a number" }] },
  ],
  ["an id that no number holds", '{"type":"ping","id":1e999}', { errors: [{ path: "" }] }],
  ["no func_name", '{"type":"submit"}', { errors: [{ path: "/func_name", message: "'func_name' is required" }] }],
  [
    "several faults",
    '{"type":"submit","func_name":"f","args":{},"prioritty":1}',
    {
      errors: expect.arrayContaining([
        expect.objectContaining({ path: "/args" }),
        expect.objectContaining({ path: "/prioritty" }),
      ]),
    },
  ],
  ["delay and run_at", '{"type":"submit","func_name":"f","timeout":-1}', { errors: [{ path: "/timeout" }] }],
])("%s is refused, and the connection stays", async (_what, data, expected) => {
  client.sayRaw(data);
  client.say({ type: "ping" });
  await turn();
  expect(client.received).toMatchObject([{ type: "error", detail: expect.any(String), ...expected }, { type: "pong" }]);
  expect(engine.submissions).toEqual([]);
  expect(client.closed).toBeNull();
});

test.each(["a", "", 0, 7, -1.5])("the id %p comes back, in answers and in refusals", async (id) => {
  const { id: task_id } = engine.put();
  for (const message of [
    { type: "ping" },
    { type: "subscribe", task_id },
    { type: "unsubscribe", task_id },
    { type: "cancel", task_id: "nobody" },
    { type: "submit", func_name: "f" },
    { type: "submit", wrong: 1 },
    { type: "what" },
  ]) {
    const count = client.received.length;
    await client.ask({ ...message, id });
    expect(client.received[count]).toHaveProperty("id", id);
  }
});

test("without an id there is none in the answer", async () => {
  await client.ask({ type: "ping" });
  expect(client.received).toEqual([{ type: "pong" }]);
});

test("a submission takes every field of the REST body", async () => {
  await client.ask({
    type: "submit",
    id: 1,
    func_name: "send_email",
    args: ["a@b.c"],
    kwargs: { subject: "\u0000\ud800", ["__proto__"]: 1 },
    priority: "high",
    max_retries: 5,
    timeout: 1.5,
    delay: 2,
  });
  expect(engine.submissions).toEqual([
    {
      at: "",
      funcName: "send_email",
      args: ["a@b.c"],
      kwargs: JSON.parse('{"subject":"\\u0000\\ud800","__proto__":1}'),
      priority: 1,
      maxRetries: 5,
      timeoutMs: 1_500,
      delayMs: 2_000,
      runAt: null,
    },
  ]);
});
