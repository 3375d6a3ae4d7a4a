import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { connect, type TestClient, type WireTask } from "../support/client.ts";
import { processes, startServer, type TestServer, workersOf } from "../support/server.ts";
import { createGate } from "./gate.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  server = await startServer({
    tasksDir: join(import.meta.dir, "tasks"),
    env: { TASKFLOW_KILL_GRACE: "0.1" },
  });
  client = await connect(server.url);
});

afterAll(async () => {
  client?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

// Whatever a handler did: the server is sound, and each of its workers runs the next task.
afterEach(async () => {
  const next = await Promise.all([1, 2].map((n) => client.submit({ func_name: "echo", kwargs: { n } })));
  const done = await Promise.all(next.map(({ task_id }) => client.final(task_id)));
  expect(done.map(({ result }) => result)).toEqual([{ n: 1 }, { n: 2 }]);
  expect(await (await client.get("/health")).json()).toMatchObject({ status: "healthy", reason: null });
});

/** Submits a task, waits for its end, and takes care that everyone is told the same of it. */
async function finalState(body: Readonly<Record<string, unknown>>): Promise<WireTask> {
  const { task_id } = await client.submit(body);
  const { task: told } = await client.event(task_id, ({ task }) => task.completed_at !== null);
  expect(await (await client.get(`/api/v1/tasks/${task_id}`)).json()).toEqual(told);
  return told;
}

async function outcomesOf({ task_id }: WireTask): Promise<readonly unknown[]> {
  const attempts = await (await client.get(`/api/v1/tasks/${task_id}/attempts`)).json();
  return attempts.map(({ outcome, error_kind }: Record<string, unknown>) => error_kind ?? outcome);
}

describe("a handler that throws", () => {
  test.each([
    ["error", "handler", "TypeError: went wrong"],
    ["permanent", "permanent", "PermanentError: never again"],
    ["string", "handler", "NonErrorThrown: 'boom'"],
    ["null", "handler", "NonErrorThrown: null"],
    ["undefined", "handler", "NonErrorThrown: undefined"],
    ["getter", "handler", "NonErrorThrown: { message: [Getter] }"],
    ["errorWithGetter", "handler", "Error"],
  ])("%s fails as %s with %p", async (what, errorKind, error) => {
    const task = await finalState({ func_name: "throws", kwargs: { what } });
    expect(task).toMatchObject({ status: "failed", error_kind: errorKind, error, result: null });
    expect(await outcomesOf(task)).toEqual([errorKind]);
  });
});

describe("a handler that returns", () => {
  test("undefined has completed without a result", async () => {
    const task = await finalState({ func_name: "returns", kwargs: { what: "undefined" } });
    expect(task).toMatchObject({ status: "completed", result: null, error: null, error_kind: null });
  });

  test.each([
    ["cycle", "result.inner.cycle contains itself, which JSON cannot hold"],
    ["bigint", "result.items[3] is a BigInt, which JSON cannot hold"],
    ["map", "result is a Map, which JSON cannot hold"],
    ["nan", "result.mean is NaN, which JSON cannot hold"],
    ["function", "result.later is a function, which JSON cannot hold"],
    ["10 MB", "the result is larger than 1048576 bytes of JSON, the most a task may return"],
  ])("%s fails with invalid_result and says why", async (what, reason) => {
    const task = await finalState({ func_name: "returns", kwargs: { what } });
    const error = `InvalidResultError: ${reason}`;
    expect(task).toMatchObject({ status: "failed", error_kind: "invalid_result", error, result: null });
  });
});

describe("a handler that", () => {
  test("rejects after it returned has completed", async () => {
    const task = await finalState({ func_name: "misbehaves", kwargs: { how: "rejects after it returned" } });
    expect(task).toMatchObject({ status: "completed", result: "done", error: null });
  });

  test.each([
    ["throws in a timer", "RangeError: in a timer"],
    ["exits", "WorkerCrashError: the worker exited with code 3 while it ran this task"],
    ["exits well", "WorkerCrashError: the worker exited with code 0 while it ran this task"],
    ["kills itself", "WorkerCrashError: the worker was killed by SIGKILL while it ran this task"],
  ])("%s fails as crashed", async (how, error) => {
    const task = await finalState({ func_name: "misbehaves", kwargs: { how } });
    expect(task).toMatchObject({ status: "failed", error_kind: "crashed", error, result: null });
    expect(await outcomesOf(task)).toEqual(["crashed"]);
  });

  test("forgets a rejection fails as crashed, at the latest when its worker has died three times", async () => {
    const task = await finalState({ func_name: "misbehaves", kwargs: { how: "forgets a rejection" } });
    expect(task).toMatchObject({ status: "failed", error_kind: "crashed", retry_count: 0, result: null });
    expect(task.error).toMatch(/^(RangeError: nobody waits|WorkerCrashError: The worker died in 3 attempts)/);
    expect((await outcomesOf(task)).length).toBeLessThanOrEqual(3);
  });

  test("takes its worker down each time fails for good after three attempts, with retries left", async () => {
    const task = await finalState({ func_name: "poison" });
    expect(task).toMatchObject({ status: "failed", error_kind: "crashed", max_retries: 10, retry_count: 2 });
    expect(await outcomesOf(task)).toEqual(["crashed", "crashed", "crashed"]);
  });
});

test("a rejection that an ended attempt left behind is not laid to whoever runs then", async () => {
  await using leftover = createGate();
  await using work = createGate();
  const leaver = { func_name: "misbehaves", kwargs: { how: "leaves a rejection behind", url: leftover.url } };
  expect(await finalState(leaver)).toMatchObject({ status: "completed", result: "done" });
  const waiter = { func_name: "misbehaves", kwargs: { how: "waits for an answer", url: work.url } };
  // One for each worker, so that one of them runs where the rejection comes.
  const innocent = [await client.submit(waiter), await client.submit(waiter)];
  await work.arrived(2);
  leftover.open();
  await server.entry(({ error }) => error === "RangeError: left behind");
  work.open();
  for (const { task_id } of innocent) {
    expect(await client.final(task_id)).toMatchObject({ status: "completed", result: "let go", error: null });
  }
});

describe("the timeout ends a handler that", () => {
  test("loops, and its worker is another one then", async () => {
    const before = workersOf(server.pid);
    const task = await finalState({ func_name: "misbehaves", kwargs: { how: "loops" }, timeout: 1 });
    const error = "TimeoutError: Task exceeded its timeout of 1s";
    expect(task).toMatchObject({ status: "failed", error_kind: "timeout", error });
    expect(before.filter((pid) => workersOf(server.pid).includes(pid))).toHaveLength(before.length - 1);
  });

  test.each([
    "sleeps synchronously",
    "waits for a command",
    "never settles",
    "ignores the abort",
    "returns after the abort",
  ])("%s", async (how) => {
    const task = await finalState({ func_name: "misbehaves", kwargs: { how }, timeout: 0.2 });
    const error = "TimeoutError: Task exceeded its timeout of 0.2s";
    expect(task).toMatchObject({ status: "failed", error_kind: "timeout", error, result: null });
    expect(await outcomesOf(task)).toEqual(["timeout"]);
    // What it had started goes with it.
    expect(processes(([, seconds]) => seconds === `3600.${server.pid}`)).toEqual([]);
  });
});
