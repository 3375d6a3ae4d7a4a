import { beforeEach, describe, expect, test } from "bun:test";
import { LiveHub } from "../../../src/http/live/hub.ts";
import { completed, createFakeEngine, type FakeEngine, running } from "../fake-engine.ts";
import { connect, inShort, turn } from "./fake-socket.ts";

const limits = {
  softBytes: 1_000,
  hardBytes: 10_000,
  inboxBytes: 20_000,
  connections: 3,
  connectionsPerClient: 2,
  followed: 2,
};

let engine: FakeEngine;
let hub: LiveHub;
/** The `seq` before the first event of the test. */
let start: number;

beforeEach(() => {
  engine = createFakeEngine();
  const quiet = () => undefined;
  hub = new LiveHub(engine, {
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    limits,
    now: engine.clock.now,
  });
  start = engine.events.latest;
});

describe("resuming", () => {
  test("it begins with what was missed and goes on live", () => {
    const task = engine.put();
    engine.change(task, running());
    const since = engine.events.latest;
    engine.log(task, "missed");
    engine.progress(task, 0.5);
    const client = connect(hub, { query: { since: String(since) } });
    engine.change(task, completed);
    expect(inShort(client.received, start)).toEqual(["task_log 2", "task_progress 3", "task_completed 4"]);
  });

  test("with the latest seq nothing was missed", () => {
    engine.change(engine.put(), running());
    const client = connect(hub, { query: { since: String(engine.events.latest) } });
    expect(client.received).toEqual([]);
  });

  test.each([
    ["is from before a restart", (seq: number) => seq - 1],
    ["has not come yet", (seq: number) => seq + 2],
    ["is 0", () => 0],
  ])("a seq that %s cannot be resumed from: it says so first and goes on live", (_what, sinceOf) => {
    const since = sinceOf(start);
    engine.change(engine.put(), running());
    const client = connect(hub, { query: { since: String(since) } });
    engine.change(engine.put(), running());
    expect(client.received).toMatchObject([
      { type: "resume_failed", since, latest: start + 1 },
      { type: "task_started", seq: start + 2 },
    ]);
  });

  test.each([
    { since: "abc" },
    { since: "" },
    { since: "-1" },
    { since: "1.5" },
    { since: "99999999999999999999" },
    { since: ["1", "2"] },
    { sinc: "1" },
  ])("the query %j is refused, and the connection hears what happens", (query) => {
    const client = connect(hub, { query });
    engine.change(engine.put(), running());
    const path = `/${Object.keys(query)[0]}`;
    expect(client.received).toMatchObject([
      { type: "error", code: "validation_failed", errors: [{ path }] },
      { type: "task_started" },
    ]);
  });

  test("what was missed is told as fast as it is read, and what happens meanwhile after it", () => {
    const task = engine.put(running());
    for (let n = 0; n < 10; n++) engine.log(task, "missed");
    const client = connect(hub, { query: { since: String(start) }, reads: false });
    const before = client.received.length;
    engine.change(task, completed);
    expect(client.received).toHaveLength(before);
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(10);
    while (client.unread > 0) client.read();
    engine.change(engine.put(), running());
    const order = Array.from({ length: 10 }, (_, index) => `task_log ${index + 1}`);
    expect(inShort(client.received, start)).toEqual([...order, "task_completed 11", "task_started 12"]);
  });

  test("who subscribes before all of it was told hears of that task alone", async () => {
    const task = engine.put(running());
    for (let n = 0; n < 10; n++) engine.log(task, "missed");
    const client = connect(hub, { query: { since: String(start) }, reads: false });
    const before = client.received.length;
    await client.ask({ type: "subscribe", task_id: task.id });
    client.read();
    engine.change(engine.put(), running());
    engine.change(task, completed);
    expect(inShort(client.received.slice(before), start)).toEqual([
      "subscribed",
      "snapshot task_started",
      "task_completed 12",
    ]);
  });

  test("a refused subscribe goes on where it was", async () => {
    const task = engine.put(running());
    for (let n = 0; n < 10; n++) engine.log(task, "missed");
    const client = connect(hub, { query: { since: String(start) }, reads: false });
    await client.ask({ type: "subscribe", task_id: "nobody" });
    while (client.unread > 0) client.read();
    const seqs = client.received.flatMap(({ seq }) => (seq === undefined ? [] : [seq - start]));
    expect(seqs).toEqual(Array.from({ length: 10 }, (_, index) => index + 1));
  });
});

describe("a slow reader", () => {
  test("loses progress and log events first, and gets them again when it has caught up", () => {
    const client = connect(hub, { reads: false });
    const task = engine.put();
    while (client.unread <= limits.softBytes) engine.log(task, "fills the buffer");
    const { length } = client.received;
    engine.log(task, "lost");
    engine.progress(task, 0.5);
    engine.change(task, running());
    client.read();
    engine.progress(task, 0.6);
    expect(client.received.slice(length).map(({ type }) => type)).toEqual(["task_started", "task_progress"]);
  });

  test("is closed with 1013 in the end and forgotten at once, while others go on", () => {
    const slow = connect(hub, { reads: false });
    const other = connect(hub);
    const task = engine.put();
    let changes = 0;
    for (; slow.closed === null && changes < 1_000; changes++) engine.change(task, running(changes));
    expect(slow.closed).toEqual({ code: 1013, reason: "too slow" });
    expect(slow.unread).toBeLessThan(limits.hardBytes + 1_000);
    expect(hub.connections).toBe(1);
    const { touches } = slow;
    engine.change(task, completed);
    expect(slow.touches).toBe(touches);
    expect(other.received).toHaveLength(changes + 1);
  });

  test("who asks without reading the answers is closed too", async () => {
    const client = connect(hub, { reads: false });
    for (let n = 0; n < 1_000 && client.closed === null; n++) await client.ask({ type: "ping" });
    expect(client.closed).toMatchObject({ code: 1013 });
    expect(client.unread).toBeLessThan(limits.hardBytes + 1_000);
  });

  test("what waits for the answer to a submission is bounded as well", async () => {
    const client = connect(hub);
    const task = engine.put(running());
    await client.ask({ type: "subscribe", task_id: task.id });
    engine.beforeRead.close();
    await client.ask({ type: "submit", func_name: "f" });
    for (let n = 0; n < 1_000 && client.closed === null; n++) engine.log(task, "held");
    expect(client.closed).toMatchObject({ code: 1013 });
    expect(hub.connections).toBe(0);
  });
});

describe("messages", () => {
  test("are answered one after the other, in their order", async () => {
    const client = connect(hub);
    const { id: task_id } = engine.put();
    engine.beforeRead.close();
    client.say({ type: "subscribe", task_id, id: 1 });
    client.say({ type: "nonsense", id: 2 });
    client.say({ type: "submit", func_name: "f", id: 3 });
    client.say({ type: "ping", id: 4 });
    await turn();
    expect(client.received).toEqual([]);
    engine.beforeRead.letOne();
    await turn();
    const answered = () => client.received.flatMap(({ id }) => (id === undefined ? [] : [id]));
    expect(answered()).toEqual([1, 2]);
    engine.beforeRead.open();
    await turn();
    expect(answered()).toEqual([1, 2, 3, 4]);
  });

  test("are not read any more while too many wait, and all are answered", async () => {
    const client = connect(hub);
    engine.beforeRead.close();
    client.say({ type: "submit", func_name: "f" });
    let asked = 0;
    for (; !client.paused && asked < 100; asked++) client.say({ type: "ping", id: asked });
    expect(asked).toBeLessThan(30);
    engine.beforeRead.open();
    await turn();
    expect(client.paused).toBe(false);
    expect(client.received.filter(({ type }) => type === "pong").map(({ id }) => id)).toEqual([...Array(asked).keys()]);
  });
});

describe("what is left behind", () => {
  test("nothing, after a connection that followed tasks has closed", async () => {
    let listeners = 0;
    const { listen } = engine.events;
    engine.events.listen = (listener) => {
      listeners++;
      const stop = listen(listener);
      return () => {
        listeners--;
        stop();
      };
    };
    const [first, second] = [connect(hub), connect(hub)];
    await first.ask({ type: "subscribe", task_id: engine.put().id });
    await second.ask({ type: "submit", func_name: "f" });
    expect([hub.connections, hub.followedTasks, listeners]).toEqual([2, 2, 1]);
    first.leave();
    second.leave();
    expect([hub.connections, hub.followedTasks, listeners]).toEqual([0, 0, 0]);
  });

  test.each(["subscribe", "submit"])("nothing, when it closes while a %s is under way", async (type) => {
    const task = engine.put();
    for (const gate of [engine.beforeRead, engine.afterRead]) {
      const client = connect(hub);
      gate.close();
      await client.ask(type === "subscribe" ? { type, task_id: task.id } : { type, func_name: "f" });
      client.leave();
      gate.open();
      await turn();
      engine.change(task, running());
      expect(client.received).toEqual([]);
      expect([hub.connections, hub.followedTasks]).toEqual([0, 0]);
    }
  });

  test("nothing, when one that heard everything closes, or closes while it asks in vain", async () => {
    connect(hub);
    const task = engine.put();
    const [plain, asking] = [connect(hub), connect(hub)];
    engine.beforeRead.close();
    await asking.ask({ type: "subscribe", task_id: "nobody" });
    plain.leave();
    asking.leave();
    engine.beforeRead.open();
    await turn();
    const touches = [plain.touches, asking.touches];
    engine.log(task, "hello");
    expect([plain.touches, asking.touches]).toEqual(touches);
    expect(hub.connections).toBe(1);
  });

  test("a message that comes after the close does nothing", async () => {
    const client = connect(hub);
    client.leave();
    await client.ask({ type: "submit", func_name: "f" });
    expect(engine.submissions).toEqual([]);
  });

  test("messages that waited when it closed are not carried out", async () => {
    const client = connect(hub);
    engine.beforeRead.close();
    client.say({ type: "submit", func_name: "accepted" });
    client.say({ type: "submit", func_name: "dropped" });
    await turn();
    client.leave();
    engine.beforeRead.open();
    await turn();
    expect(engine.submissions.map(({ funcName }) => funcName)).toEqual(["accepted"]);
  });
});

describe("how many", () => {
  test("connections over the limit are closed with 1013, and one that leaves makes room", () => {
    const [first] = [connect(hub), connect(hub), connect(hub)];
    expect(connect(hub).closed).toMatchObject({ code: 1013 });
    first?.leave();
    expect(connect(hub).closed).toBeNull();
  });

  test("one client gets a part of the connections, so that it cannot keep others out", () => {
    const client = "192.0.2.1";
    const [first] = [connect(hub, { client }), connect(hub, { client })];
    expect(connect(hub, { client }).closed).toMatchObject({ code: 1013 });
    expect(connect(hub, { client: "192.0.2.2" }).closed).toBeNull();
    first?.leave();
    expect(connect(hub, { client }).closed).toBeNull();
  });

  test("tasks over the limit are not followed, and one that is final makes room", async () => {
    const client = connect(hub);
    const [first, second, third] = [engine.put(), engine.put(), engine.put()];
    for (const { id } of [first, second, third, first]) await client.ask({ type: "subscribe", task_id: id });
    await client.ask({ type: "submit", func_name: "f" });
    engine.change(first, completed);
    await client.ask({ type: "subscribe", task_id: third.id });
    const answers = client.received.flatMap(({ type, seq }) => (seq === undefined ? [type] : []));
    expect(answers).toEqual(["subscribed", "subscribed", "error", "subscribed", "error", "subscribed"]);
    expect(engine.submissions).toEqual([]);
  });

  test("when the server stops all are closed with 1001, and no more are taken", () => {
    const clients = [connect(hub), connect(hub)];
    hub.close();
    expect([...clients, connect(hub)].map(({ closed }) => closed?.code)).toEqual([1001, 1001, 1001]);
    expect(hub.connections).toBe(0);
  });
});
