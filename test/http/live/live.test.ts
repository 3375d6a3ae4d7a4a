import { beforeEach, describe, expect, test } from "bun:test";
import type { Task } from "../../../src/domain/task.ts";
import { LiveHub } from "../../../src/http/live/hub.ts";
import { completed, createFakeEngine, type FakeEngine, running } from "../fake-engine.ts";
import { connect, type FakeClient, inShort, turn } from "./fake-socket.ts";

let engine: FakeEngine;
let hub: LiveHub;
let client: FakeClient;
/** The `seq` before the first event of the test. */
let start: number;

beforeEach(() => {
  engine = createFakeEngine();
  const quiet = () => undefined;
  hub = new LiveHub(engine, {
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    now: engine.clock.now,
  });
  client = connect(hub);
  start = engine.events.latest;
});

const heard = (from = client) => inShort(from.received, start);

function subscribe(task: Task, from = client): Promise<void> {
  return from.ask({ type: "subscribe", task_id: task.id });
}

describe("what a connection hears", () => {
  test("it hears everything until its first subscribe, then only its own tasks", async () => {
    const [mine, other] = [engine.put(), engine.put()];
    engine.change(other, running());
    await subscribe(mine);
    engine.change(other, completed);
    engine.change(mine, running());
    engine.log(mine, "hello");
    engine.progress(mine, 0.5);
    engine.change(mine, completed);
    expect(heard()).toEqual([
      "task_started 1",
      "subscribed",
      "snapshot task_queued",
      "task_started 3",
      "task_log 4",
      "task_progress 5",
      "task_completed 6",
    ]);
    expect(client.received[4]?.log?.message).toBe("hello");
  });

  test("after it has unsubscribed from all it hears nothing", async () => {
    const task = engine.put();
    await subscribe(task);
    await client.ask({ type: "unsubscribe", task_id: task.id });
    engine.change(task, running());
    engine.change(engine.put(), running());
    expect(heard()).toEqual(["subscribed", "snapshot task_queued", "unsubscribed"]);
  });

  test("unsubscribing before the first subscribe changes nothing", async () => {
    const task = engine.put();
    await client.ask({ type: "unsubscribe", task_id: task.id });
    engine.change(task, running());
    expect(heard()).toEqual(["unsubscribed", "task_started 1"]);
  });

  test("a refused subscribe changes nothing, and what happened meanwhile is told", async () => {
    engine.beforeRead.close();
    await client.ask({ type: "subscribe", task_id: "nobody", id: 7 });
    engine.change(engine.put(), running());
    expect(heard()).toEqual([]);
    engine.beforeRead.open();
    await turn();
    engine.change(engine.put(), running());
    expect(heard()).toEqual(["task_started 1", "error", "task_started 2"]);
    expect(client.received[1]).toMatchObject({ id: 7, code: "unknown_task" });
  });

  test("a refused subscribe follows nothing", async () => {
    await client.ask({ type: "subscribe", task_id: "nobody" });
    expect(hub.followedTasks).toBe(0);
  });

  test("when one of two unsubscribes from a task, the other goes on", async () => {
    const task = engine.put();
    const other = connect(hub);
    await subscribe(task);
    await subscribe(task, other);
    await client.ask({ type: "unsubscribe", task_id: task.id });
    engine.change(task, running());
    expect(heard()).toEqual(["subscribed", "snapshot task_queued", "unsubscribed"]);
    expect(heard(other)).toEqual(["subscribed", "snapshot task_queued", "task_started 1"]);
  });

  test("two subscriptions to one task do not double its events", async () => {
    const task = engine.put();
    await subscribe(task);
    await subscribe(task);
    engine.change(task, running());
    expect(heard()).toEqual([
      "subscribed",
      "snapshot task_queued",
      "subscribed",
      "snapshot task_queued",
      "task_started 1",
    ]);
  });

  test("a connection costs nothing for the events of tasks that it does not follow", async () => {
    const [mine, other] = [engine.put(), engine.put()];
    await subscribe(mine);
    const { touches } = client;
    engine.change(other, running());
    expect(client.touches).toBe(touches);
  });

  test("an event is rendered once, however many hear it", () => {
    const others = Array.from({ length: 5 }, () => connect(hub));
    let renderings = 0;
    const counted = {
      ...engine.put(),
      get funcName() {
        renderings++;
        return "counted";
      },
    };
    engine.events.changed(counted);
    expect(others.map((other) => other.received.length)).toEqual([1, 1, 1, 1, 1]);
    expect(renderings).toBe(1);
  });
});

describe("the present state on subscribe", () => {
  test("it says what the event said, and that it is a snapshot", async () => {
    const task = engine.put(running());
    engine.change(engine.put(), running());
    await subscribe(task);
    expect(client.received.at(-1)).toEqual({
      type: "task_started",
      task: expect.objectContaining({ task_id: task.id, status: "running" }),
      timestamp: new Date(engine.clock.now()).toISOString(),
      seq: engine.events.latest,
      snapshot: true,
    });
  });

  test.each(["completed", "failed", "cancelled"] as const)(
    "a task that is %s is shown, and not followed",
    async (status) => {
      await subscribe(engine.put({ status }));
      expect(heard()).toEqual(["subscribed", `snapshot task_${status}`]);
      expect(hub.followedTasks).toBe(0);
    },
  );

  test("what happens while it is looked up is in it, and is not told again", async () => {
    const task = engine.put();
    engine.afterRead.close();
    await subscribe(task);
    engine.change(task, running());
    engine.log(task, "early");
    engine.afterRead.open();
    await turn();
    engine.log(task, "late");
    expect(heard()).toEqual(["subscribed", "snapshot task_started", "task_log 3"]);
  });

  test("what is told after it was seen in the store is not told again, and all that follows is", async () => {
    const task = engine.put();
    const claimed = engine.commit(task, running());
    await subscribe(task);
    engine.events.changed(task);
    engine.events.changed(claimed);
    engine.log(task, "hello");
    engine.change(task, { status: "retrying", runAt: 5_000 });
    engine.change(task, { status: "queued" });
    engine.change(task, running(2));
    engine.change(task, completed);
    expect(heard()).toEqual([
      "subscribed",
      "snapshot task_started",
      "task_log 3",
      "task_retrying 4",
      "task_queued 5",
      "task_started 6",
      "task_completed 7",
    ]);
  });

  test("of two states the later one is shown, though it was not told yet", async () => {
    const task = engine.put();
    const started = engine.commit(task, running());
    const ended = engine.commit(task, completed);
    engine.afterRead.close();
    await subscribe(task);
    engine.events.changed(started);
    engine.afterRead.open();
    await turn();
    engine.events.changed(ended);
    expect(heard()).toEqual(["subscribed", "snapshot task_completed"]);
  });

  test("progress that it shows is not told again", async () => {
    const task = engine.put(running());
    const halfway = engine.commit(task, { progress: { fraction: 0.5, message: null } });
    await subscribe(task);
    engine.events.progressed(halfway);
    engine.progress(task, 0.6);
    expect(heard()).toEqual(["subscribed", "snapshot task_started", "task_progress 2"]);
  });

  test("a line that comes late is not told with an older state", async () => {
    const task = engine.put(running());
    engine.commit(task, { status: "retrying", runAt: 5_000 });
    await subscribe(task);
    engine.events.logged(task, { at: 1, attempt: 1, level: "info", message: "late" });
    engine.change(task, { status: "queued" });
    expect(heard()).toEqual(["subscribed", "snapshot task_retrying", "task_queued 2"]);
  });

  test("an attempt that was given back is no older state", async () => {
    const task = engine.put(running());
    await subscribe(task);
    engine.change(task, { status: "queued" });
    engine.change(task, running(2));
    expect(heard()).toEqual(["subscribed", "snapshot task_started", "task_queued 1", "task_started 2"]);
  });

  test("a claim that was given back is no older state, wherever the clock was set meanwhile", async () => {
    const task = engine.put({ ...running(), runAt: 1_000 });
    await subscribe(task);
    engine.change(task, { status: "pending", runAt: 500 });
    engine.change(task, { status: "queued", runAt: 500 });
    engine.change(task, { ...running(2), runAt: 500 });
    expect(heard()).toEqual([
      "subscribed",
      "snapshot task_started",
      "task_queued 1",
      "task_queued 2",
      "task_started 3",
    ]);
  });
});
