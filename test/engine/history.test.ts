import { describe, expect, test } from "bun:test";
import { createHistory } from "../../src/engine/history.ts";
import type { Sample } from "../../src/engine/series.ts";
import { FakeClock } from "../support/clock.ts";
import { testEngine } from "../support/engine.ts";

const minuteMs = 60_000;
const start = Date.UTC(2030, 0, 1);

function played() {
  let now = start;
  const history = createHistory({ now: () => now });
  return {
    history,
    at: (ms: number) => {
      now = start + ms;
    },
    add: (end: Sample["end"], runMs = 100, waitMs = 0, handler = "echo") =>
      history.record(handler, { end, times: { waitMs, runMs } }),
  };
}

test("tells what ended in each minute, the present one last", () => {
  const { history, at, add } = played();
  add("completed");
  at(minuteMs - 1);
  add("failed");
  at(minuteMs);
  add("retried");
  history.record("echo", { end: "cancelled", times: null });
  at(3 * minuteMs);
  const { from, stepMs, points, total } = history.span(20);
  expect([from, stepMs, points.length]).toEqual([start - 16 * minuteMs, minuteMs, 20]);
  const ends = points
    .slice(-4)
    .map(({ completed, failed, cancelled, retried }) => [completed, failed, cancelled, retried]);
  expect(ends).toEqual([
    [1, 1, 0, 0],
    [0, 0, 1, 1],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ]);
  expect(total).toMatchObject({ completed: 1, failed: 1, cancelled: 1, retried: 1 });
});

test("up to 15 minutes goes by ten seconds for all, and by the minute for one handler", () => {
  const { history, at, add } = played();
  add("completed");
  at(10_000);
  add("completed", 1, 1, "other");
  expect(history.span(15).stepMs).toBe(10_000);
  expect(history.span(15).points.map(({ completed }) => completed)).toEqual([...Array(88).fill(0), 1, 1]);
  expect(history.span(2, "other").points.map(({ completed }) => completed)).toEqual([0, 1]);
  expect(history.span(2, "nobody").points.map(({ completed }) => completed)).toEqual([0, 0]);
});

test("forgets what is longer ago than three hours, as it comes round again", () => {
  const { history, at, add } = played();
  add("completed");
  history.observe(5, 2);
  at(181 * minuteMs);
  add("failed");
  const { points, total } = history.span(180);
  expect(total).toMatchObject({ completed: 0, failed: 1 });
  expect(points.at(-1)).toMatchObject({ completed: 0, failed: 1, waiting: null, running: null });
});

test("shows nothing of an hour that the clock was ahead by", () => {
  const { history, at, add } = played();
  at(60 * minuteMs);
  add("completed");
  at(0);
  add("failed");
  expect(history.span(180).total).toMatchObject({ completed: 0, failed: 1 });
});

test.each([1, 3, 40, 999, 12_345, 3_000_000])("tells a time of %d ms to within a fifth", (ms) => {
  const { history, add } = played();
  add("completed", ms, ms);
  const { wait, run } = history.span(1).total;
  for (const seconds of [wait.p50, wait.p99, run.p95]) {
    expect(Math.abs((seconds ?? 0) * 1_000 - ms)).toBeLessThanOrEqual(ms * 0.2);
  }
});

test("tells percentiles of a step and of all, and none where nothing was timed", () => {
  const { history, at, add } = played();
  for (let n = 0; n < 99; n++) add("completed", 10);
  at(minuteMs);
  add("completed", 10_000);
  at(2 * minuteMs);
  history.record("echo", { end: "cancelled", times: null });
  const { points, total } = history.span(20);
  expect(points.slice(-3).map(({ run }) => run.p50 && Math.round(run.p50))).toEqual([0, 10, null]);
  expect([total.run.p50, total.run.p99].map((seconds) => (seconds ?? 0) < 0.02)).toEqual([true, true]);
  expect(total.wait).toEqual({ p50: 0, p95: 0, p99: 0 });
});

describe("the engine", () => {
  test("takes down attempts, cancelled tasks, and what waits and runs every ten seconds", async () => {
    const engine = await testEngine({ slots: 1, clock: new FakeClock(start) });
    const running = await engine.add();
    await engine.next("task_started", running.id);
    const [second, third] = [
      await engine.add({ priority: 3 }),
      await engine.add({ priority: 3, funcName: "add_numbers", args: [1, 2] }),
    ];
    await engine.cancel(third.id);
    await engine.clock.advance(10_000);
    expect(engine.history(1).points.at(-1)).toMatchObject({ waiting: 1, running: 1, cancelled: 0 });
    await engine.clock.advance(2_000);
    engine.runner.attempts[0]?.end({ kind: "completed", result: null });
    await engine.next("task_completed", running.id);
    await engine.next("task_started", second.id);
    const { points } = engine.history(1, "echo");
    expect(points).toMatchObject([{ completed: 1, cancelled: 0, waiting: null, running: null }]);
    expect(points[0]?.run.p50).toBeCloseTo(12, -1);
    expect(engine.history(1, "add_numbers").total).toMatchObject({ cancelled: 1 });
    expect(engine.history(1).total).toMatchObject({ completed: 1, cancelled: 1 });
  });

  test("leaves a gap where the store does not answer, and looks no more once it has stopped", async () => {
    const engine = await testEngine();
    engine.faults.refuse("counts");
    await engine.clock.advance(10_000);
    expect(engine.history(1).points.at(-1)?.waiting).toBeNull();
    engine.faults.heal();
    await engine.stop();
    const looks = engine.faults.calls("counts");
    await engine.clock.advance(60_000);
    expect(engine.faults.calls("counts")).toBe(looks);
  });
});
