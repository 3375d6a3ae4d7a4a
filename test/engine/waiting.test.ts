import { expect, test } from "bun:test";
import type { Task } from "../../src/domain/task.ts";
import { type TestEngine, testEngine } from "../support/engine.ts";

async function why({ waiting }: TestEngine, { id }: Task) {
  return (await waiting(id)).waiting;
}

test("a task that is not due waits for its time", async () => {
  const engine = await testEngine();
  const task = await engine.add({ delayMs: 90_000 });
  const until = engine.clock.now() + 90_000;
  expect(await why(engine, task)).toEqual({ reason: "time", detail: expect.any(String), until, ahead: null });
});

test("a task whose attempt failed waits for the end of its backoff, with what went wrong", async () => {
  const engine = await testEngine({ slots: 1 });
  const task = await engine.add();
  await engine.next("task_started", task.id);
  expect(await why(engine, task)).toBeNull();
  engine.runner.attempts[0]?.fail("Error: no answer\nmore");
  const { task: retrying } = await engine.next("task_retrying", task.id);
  const detail = "Retry 1 of 3 comes when its backoff is over. Error: no answer";
  expect(await why(engine, task)).toEqual({ reason: "backoff", detail, until: retrying.runAt, ahead: null });
});

test("a queued task waits for those before it", async () => {
  const engine = await testEngine({ slots: 1 });
  const running = await engine.add();
  await engine.next("task_started", running.id);
  const [first, second] = [await engine.add(), await engine.add()];
  const critical = await engine.add({ priority: 0 });
  expect(await why(engine, critical)).toMatchObject({ reason: "queue", ahead: 0, until: null });
  expect(await why(engine, first)).toMatchObject({ reason: "queue", ahead: 1, detail: "One task before it" });
  expect(await why(engine, second)).toMatchObject({ reason: "queue", ahead: 2, detail: "2 tasks before it" });
});

test("a task whose handler is gone waits for it until it fails, and no longer once it is back", async () => {
  const engine = await testEngine({ slots: 1, settings: { handlerWaitMs: 60_000 } });
  const task = await engine.add({ delayMs: 1_000 });
  engine.catalog.break("echo", "Unexpected end of file");
  await engine.clock.advance(1_000);
  const since = engine.clock.now();
  const detail = "The handler 'echo' does not load: Unexpected end of file";
  expect(await why(engine, task)).toEqual({ reason: "handler", detail, until: since + 60_000, ahead: null });
  engine.catalog.define("echo");
  expect(await why(engine, task)).toMatchObject({ reason: "queue", until: since + 5_000 });
  engine.catalog.remove("echo");
  expect(await why(engine, task)).toMatchObject({ detail: "The handler 'echo' is not there", until: null });
});

test("a queued task waits for workers that there are none of, that do not start, or that stop", async () => {
  const none = await testEngine({ slots: 0 });
  expect(await why(none, await none.add())).toMatchObject({ reason: "no_workers", ahead: 0 });
  const down = await testEngine({ slots: 1 });
  await down.add();
  const task = await down.add();
  down.runner.reason = "exit code 1";
  expect(await why(down, task)).toMatchObject({ reason: "workers_down", detail: "Workers do not start: exit code 1" });
  const stopping = down.stop();
  expect(await why(down, task)).toMatchObject({ reason: "stopping" });
  down.runner.attempts[0]?.end({ kind: "completed", result: null });
  await stopping;
});
