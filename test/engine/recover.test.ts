import { expect, test } from "bun:test";
import { FakeClock } from "../support/clock.ts";
import { aSubmission, type TestEngine, type TestEngineOptions, testEngine } from "../support/engine.ts";

/** What comes up after `engine` was killed: on its store, while nobody turns its own clock any more. */
function afterTheCrash(engine: TestEngine, options: TestEngineOptions = {}): Promise<TestEngine> {
  return testEngine({ store: engine.store, clock: new FakeClock(engine.clock.now() + 60_000), ...options });
}

test("what ran when the server died is queued again, and no retry is used up", async () => {
  const engine = await testEngine();
  const task = await engine.add({ maxRetries: 0 });
  const { task: running } = await engine.next("task_started", task.id);
  const next = await afterTheCrash(engine, { slots: 0 });
  expect(await next.find(task.id)).toMatchObject({ status: "queued", runAt: task.runAt, retryCount: 0, crashes: 0 });
  expect(await next.attempts(task.id)).toEqual([
    {
      number: 1,
      worker: null,
      startedAt: running.startedAt ?? Number.NaN,
      endedAt: next.clock.now(),
      outcome: "interrupted",
      errorKind: "interrupted",
      error: "InterruptedError: the server stopped",
      stack: null,
    },
  ]);
  expect(next.lines.map(({ message }) => message)).toEqual([
    "task interrupted by the last stop, queued now",
    "tasks that ran at the last stop are queued again",
  ]);
});

test("it runs before what was submitted after it, under a new lease", async () => {
  const engine = await testEngine();
  const first = await engine.add();
  await engine.next("task_started", first.id);
  const second = await engine.add();
  const next = await afterTheCrash(engine);
  await next.next("task_started", first.id);
  expect(next.runner.of(first.id).request).toMatchObject({ lease: 2, attempt: 1 });
  next.runner.of(first.id).complete();
  await next.next("task_started", second.id);
  expect(next.runner.order).toEqual([first.id, second.id]);
});

test("what was being cancelled is cancelled, and never runs again", async () => {
  const engine = await testEngine();
  engine.runner.onAbort = "ignore";
  const task = await engine.add();
  await engine.next("task_started", task.id);
  await engine.cancel(task.id);
  const next = await afterTheCrash(engine);
  await next.clock.advance(10_000);
  expect(await next.find(task.id)).toMatchObject({ status: "cancelled", error: null, errorKind: null });
  expect(next.runner.attempts).toHaveLength(0);
});

test("any number of tasks is recovered", async () => {
  const engine = await testEngine({ slots: 1_001 });
  await engine.submit(Array.from({ length: 1_001 }, () => aSubmission()));
  await engine.clock.settle();
  expect((await engine.metrics()).counts.byStatus.running).toBe(1_001);
  const next = await afterTheCrash(engine, { slots: 0 });
  expect((await next.metrics()).counts.byStatus).toMatchObject({ running: 0, queued: 1_001 });
  expect(next.lines.at(-1)).toMatchObject({ level: "warn", fields: { tasks: 1_001 } });
});

test("waits are kept: a retry comes when its backoff is over, also one that is overdue", async () => {
  const engine = await testEngine();
  const retried = await engine.add();
  await engine.next("task_started", retried.id);
  engine.runner.of(retried.id).fail();
  await engine.next("task_retrying", retried.id);
  const ahead = await engine.add({ delayMs: 90_000 });
  const next = await afterTheCrash(engine, { slots: 2 });
  await next.clock.advance(1);
  expect(next.runner.order).toEqual([retried.id]);
  await next.clock.advance(29_998);
  expect(next.runner.order).toEqual([retried.id]);
  await next.clock.advance(1);
  expect(next.runner.order).toEqual([retried.id, ahead.id]);
});

test("nothing is said when there is nothing to recover", async () => {
  expect((await testEngine()).lines).toEqual([]);
});
