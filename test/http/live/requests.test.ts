import { beforeEach, describe, expect, test } from "bun:test";
import { TaskflowError } from "../../../src/domain/error.ts";
import { LiveHub } from "../../../src/http/live/hub.ts";
import { completed, createFakeEngine, type FakeEngine, running } from "../fake-engine.ts";
import { connect, type FakeClient, inShort, turn } from "./fake-socket.ts";

let engine: FakeEngine;
let hub: LiveHub;
let client: FakeClient;
let logged: object[];
/** The `seq` before the first event of the test. */
let start: number;

beforeEach(() => {
  engine = createFakeEngine();
  logged = [];
  const quiet = () => undefined;
  hub = new LiveHub(engine, {
    log: { debug: quiet, info: quiet, warn: quiet, error: (fields) => logged.push(fields) },
    now: engine.clock.now,
  });
  client = connect(hub);
  start = engine.events.latest;
});

const heard = (from = client) => inShort(from.received, start);

describe("submitting", () => {
  const submit = { type: "submit", func_name: "add_numbers", kwargs: { a: 1 } };

  test("the answer comes before the task's events, none of which is missed or doubled", async () => {
    engine.onAccepted = (task) => {
      engine.change(engine.put(), running());
      engine.change(task, running());
    };
    await client.ask({ ...submit, id: "x" });
    const id = client.received[0]?.task?.task_id ?? "";
    engine.change({ id }, completed);
    expect(heard()).toEqual(["submitted", "task_queued 1", "task_started 3", "task_completed 4"]);
    expect(client.received[0]).toMatchObject({ id: "x", task: { status: "queued", kwargs: { a: 1 } } });
  });

  test("it ends hearing everything, and what is final is followed no longer", async () => {
    engine.onAccepted = (task) => engine.change(task, completed);
    await client.ask(submit);
    engine.change(engine.put(), running());
    expect(heard()).toEqual(["submitted", "task_queued 1", "task_completed 2"]);
    expect(hub.followedTasks).toBe(0);
  });

  test("events of other tasks wait for the answer, so that all leave in their order", async () => {
    const other = engine.put(running());
    await client.ask({ type: "subscribe", task_id: other.id });
    engine.onAccepted = () => engine.log(other, "after the task was queued");
    engine.beforeRead.close();
    await client.ask(submit);
    engine.log(other, "before the task was queued");
    expect(heard()).toEqual(["subscribed", "snapshot task_started"]);
    engine.beforeRead.open();
    await turn();
    expect(heard().slice(2)).toEqual(["submitted", "task_log 1", "task_queued 2", "task_log 3"]);
  });

  test("when it is refused everything goes on, and nothing was missed", async () => {
    engine.beforeRead.close();
    engine.failNext(new TaskflowError("queue_full", "The queue is full.", { retryAfter: 2 }));
    await client.ask({ ...submit, id: 1 });
    engine.change(engine.put(), running());
    engine.beforeRead.open();
    await turn();
    engine.change(engine.put(), running());
    expect(heard()).toEqual(["task_started 1", "error", "task_started 2"]);
    expect(client.received[1]).toEqual({
      type: "error",
      id: 1,
      code: "queue_full",
      detail: "The queue is full.",
      retry_after: 2,
    });
  });

  test("when too much happened meanwhile to know what was missed, the present state is told", async () => {
    engine.onAccepted = (task) => {
      engine.change(task, running());
      for (let n = 0; n < 10_001; n++) engine.log(engine.put(), "noise");
    };
    await client.ask(submit);
    const id = client.received[0]?.task?.task_id ?? "";
    engine.change({ id }, completed);
    expect(heard().slice(0, 2)).toEqual(["submitted", "snapshot task_started"]);
    expect(heard().slice(2)).toEqual([expect.stringMatching(/^task_completed /)]);
  });
});

describe("cancelling", () => {
  test("what waits is cancelled", async () => {
    const task = engine.put();
    await client.ask({ type: "cancel", task_id: task.id, id: "c" });
    expect(heard()).toEqual(["task_cancelled 1", "cancelled"]);
    expect(client.received[1]).toMatchObject({ id: "c", task: { task_id: task.id, status: "cancelled" } });
  });

  test("what runs is being cancelled, and goes on being heard", async () => {
    const task = engine.put(running());
    await client.ask({ type: "cancel", task_id: task.id });
    engine.change(task, { status: "cancelled" });
    expect(heard()).toEqual(["cancelling", "task_cancelled 1"]);
  });

  test("what is final cannot be cancelled", async () => {
    await client.ask({ type: "cancel", task_id: engine.put(completed).id, id: 3 });
    expect(client.received).toEqual([{ type: "error", id: 3, code: "task_final", detail: expect.any(String) }]);
  });
});

describe("access and defects", () => {
  test.each([
    { type: "submit", func_name: "f" },
    { type: "cancel", task_id: "t" },
  ])("a key that may only read may not $type", async (message) => {
    const reader = connect(hub, { mayWrite: false });
    await reader.ask(message);
    expect(reader.received).toMatchObject([{ type: "error", code: "forbidden" }]);
    expect(engine.submissions).toEqual([]);
  });

  test("a defect is logged, and the client learns nothing of it but that it is there", async () => {
    const defect = new Error("secret");
    engine.failNext(defect);
    await client.ask({ type: "subscribe", task_id: "t", id: 1 });
    await client.ask({ type: "ping" });
    expect(client.received).toMatchObject([{ type: "error", id: 1, code: "internal" }, { type: "pong" }]);
    expect(JSON.stringify(client.received)).not.toContain("secret");
    expect(logged).toEqual([{ error: defect }]);
  });
});
