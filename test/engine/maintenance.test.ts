import { expect, test } from "bun:test";
import { aSubmission, type TestEngine, testEngine } from "../support/engine.ts";

const settings = { retentionCompletedMs: 600_000, retentionFailedMs: 1_200_000 };

/** Ids of one task in each final status. */
async function finalTasks(engine: TestEngine) {
  const completed = await engine.add();
  await engine.next("task_started", completed.id);
  engine.runner.of(completed.id).log("hello");
  engine.runner.of(completed.id).complete();
  const failed = await engine.add({ maxRetries: 0 });
  await engine.next("task_started", failed.id);
  engine.runner.of(failed.id).fail();
  const cancelled = await engine.add({ delayMs: 1_000_000 });
  await engine.cancel(cancelled.id);
  await engine.next("task_failed", failed.id);
  return { completed: completed.id, failed: failed.id, cancelled: cancelled.id };
}

async function known(engine: TestEngine): Promise<readonly string[]> {
  return (await engine.list({ limit: 1_000 })).tasks.map(({ id }) => id);
}

test("final tasks are forgotten when their retention is over, failed ones later", async () => {
  const engine = await testEngine({ settings });
  const { completed, failed, cancelled } = await finalTasks(engine);
  await engine.clock.advance(600_000);
  expect(await known(engine)).toEqual([cancelled, failed, completed]);
  await engine.clock.advance(60_000);
  expect(await known(engine)).toEqual([failed]);
  await expect(engine.logs(completed)).rejects.toMatchObject({ code: "unknown_task" });
  await engine.clock.advance(540_000);
  expect(await known(engine)).toEqual([failed]);
  await engine.clock.advance(60_000);
  expect(await known(engine)).toEqual([]);
});

test("what waits or runs is never forgotten", async () => {
  const engine = await testEngine({ settings });
  const running = await engine.add({ timeoutMs: 10_000_000 });
  const queued = await engine.add();
  const pending = await engine.add({ delayMs: 10_000_000 });
  await engine.clock.advance(3_600_000);
  expect(await known(engine)).toEqual([pending.id, queued.id, running.id]);
});

test("many are forgotten in one go, chunk by chunk", async () => {
  const engine = await testEngine({ settings, slots: 0 });
  await engine.submit(Array.from({ length: 1_200 }, () => aSubmission()));
  await engine.clearQueue();
  await engine.clock.advance(660_000);
  expect(await known(engine)).toEqual([]);
  expect(engine.lines.at(-1)).toMatchObject({ fields: { tasks: 1_200 }, message: "old tasks forgotten" });
});

test("a request does not wait until all that is old is forgotten", async () => {
  const engine = await testEngine({ settings, slots: 0 });
  await engine.submit(Array.from({ length: 2_500 }, () => aSubmission()));
  await engine.clearQueue();
  await engine.clock.advance(600_000);
  const forgetting = engine.clock.advance(60_000);
  while (engine.faults.calls("prune") < 11) await new Promise((turn) => setImmediate(turn));
  await engine.add();
  expect(engine.faults.calls("prune")).toBeLessThanOrEqual(13);
  await forgetting;
  expect(engine.faults.calls("prune")).toBe(16);
  expect(await known(engine)).toHaveLength(1);
});

test("a store that refuses is asked again a minute later", async () => {
  const engine = await testEngine({ settings });
  await finalTasks(engine);
  engine.faults.refuse("prune");
  await engine.clock.advance(720_000);
  expect(await known(engine)).toHaveLength(3);
  expect(engine.lines.at(-1)).toMatchObject({ level: "warn" });
  engine.faults.heal();
  await engine.clock.advance(60_000);
  expect(await known(engine)).toHaveLength(1);
});
