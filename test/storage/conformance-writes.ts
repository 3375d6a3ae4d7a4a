import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { jsonText, type Task } from "../../src/domain/task.ts";
import { applySettlement, postpone } from "../../src/domain/transition.ts";
import type { Store } from "../../src/storage/store.ts";
import { aTask } from "../support/tasks.ts";
import { upTo } from "./limits.ts";
import { claimed, completed, failed, ids, inserted, interrupted, settlementOf, unlimited } from "./steps.ts";

export function testWrites(store: () => Store): void {
  describe("insert", () => testInsert(store));
  describe("claim", () => testClaim(store));
  describe("settle", () => testSettle(store));
  describe("report", () => testReport(store));
  describe("one turn", () => testTurn(store));
}

function testInsert(store: () => Store): void {
  const full: Task = aTask({
    status: "retrying",
    args: jsonText([1, "two"]),
    startedAt: 1_100,
    result: jsonText(null),
    error: "Error: no",
    errorKind: "handler",
    attempt: 2,
    retryCount: 1,
    timeoutMs: 0.5,
    crashes: 1,
    cancelRequested: true,
    progress: { fraction: 0.25, message: "read" },
    periodicTask: "nightly",
    scheduledFor: 900,
    traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`,
    lastRunAt: 800,
  });

  test("keeps every field of a task as it is", async () => {
    expect(await store().insert([full], unlimited)).toBe(true);
    expect(await store().find(full.id)).toEqual(full);
  });

  test.each([2, 9, 10, 11, 47])("keeps every field of %i tasks at once, in their order", async (size) => {
    const tasks = Array.from(
      { length: size },
      (_, n): Task => ({ ...full, id: Bun.randomUUIDv7(), timeoutMs: n + 1, scheduledFor: n }),
    );
    expect(await store().insert(tasks, unlimited)).toBe(true);
    expect((await store().list({ limit: size })).tasks).toEqual(tasks.toReversed());
  });

  test("accepts as many as may wait, and none when it would be one more", async () => {
    const first = await inserted(store(), { status: "pending" });
    await inserted(store(), { status: "running" });
    expect(await store().insert([aTask(), aTask()], 2)).toBe(false);
    expect(await store().insert([aTask({ status: "retrying" })], 2)).toBe(true);
    expect(await store().insert([aTask()], 2)).toBe(false);
    expect(await store().insert([aTask({ status: "completed" })], 2)).toBe(true);
    expect((await store().counts()).enqueued).toBe(4);
    await store().cancel(first.id, 1);
    expect(await store().insert([aTask()], 2)).toBe(true);
  });

  test("counts those of the same turn as waiting", async () => {
    const answers = await Promise.all([1, 2, 3].map(() => store().insert([aTask()], 2)));
    expect(answers).toEqual([true, true, false]);
  });

  test("rejects an id that is taken with all of its batch, and nothing beside it", async () => {
    const taken = await inserted(store());
    const [before, after] = [aTask(), aTask()];
    const many = Array.from({ length: 13 }, () => aTask());
    const answers = await Promise.allSettled([
      store().insert([before], unlimited),
      store().insert([...many, aTask({ id: taken.id })], unlimited),
      store().insert([after], unlimited),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(ids((await store().list({ limit: 10 })).tasks)).toEqual([after.id, before.id, taken.id]);
  });

  test("rounds a due time with a fraction of a millisecond up", async () => {
    const { id } = await inserted(store(), { status: "pending", runAt: 1_000.25 });
    expect((await store().find(id))?.runAt).toBe(1_001);
  });

  test("keeps any text: NUL, lone surrogates made whole, a megabyte", async () => {
    for (const text of ["a\0b", "\0", "é\ud800x\udc00", "日\0本", "", "x".repeat(1024 * 1024)]) {
      const { id } = await inserted(store(), { funcName: text, error: text, kwargs: jsonText({ text }) });
      const whole = { funcName: text.toWellFormed(), error: text.toWellFormed(), kwargs: jsonText({ text }) };
      expect(await store().find(id)).toMatchObject(whole);
      expect(ids((await store().list({ funcName: text, limit: 2 })).tasks)).toEqual([id]);
    }
  });
}

function testClaim(store: () => Store): void {
  test("dispatches by priority, then due time, then submission", async () => {
    const due = fc.record({ priority: fc.constantFrom(0, 1, 2, 3), runAt: fc.integer({ min: 1, max: 5 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(due, { maxLength: 20 }), fc.integer({ min: 1, max: 7 }), async (dues, limit) => {
        const tasks = dues.map(aTask);
        await store().insert(tasks, unlimited);
        const order: string[] = [];
        for (let taken = ["first"]; taken.length > 0; ) {
          taken = ids(await store().claim(upTo(limit), 2_000));
          expect(taken.length).toBeLessThanOrEqual(limit);
          order.push(...taken);
        }
        // Array.sort is stable: equals stay as submitted.
        expect(order).toEqual(ids(tasks.sort((a, b) => a.priority - b.priority || a.runAt - b.runAt)));
      }),
      { numRuns: 20 },
    );
  }, 60_000);

  test("gives each task a new lease, from now on and without progress", async () => {
    const task = await inserted(store(), { attempt: 4, startedAt: 50, progress: { fraction: 0.5, message: "half" } });
    const [taken] = await store().claim(upTo(1), 2_000);
    expect(taken).toEqual({ ...task, status: "running", attempt: 5, startedAt: 2_000, progress: null });
    expect(await store().find(task.id)).toEqual(taken ?? null);
  });

  test("takes only what is queued, and each once", async () => {
    for (const status of ["pending", "running", "retrying", "completed", "failed", "cancelled"] as const) {
      await inserted(store(), { status });
    }
    const { id } = await inserted(store());
    expect(ids(await store().claim(upTo(10), 2_000))).toEqual([id]);
    expect(await store().claim(upTo(10), 2_000)).toEqual([]);
  });

  test("takes nothing when nothing may be taken", async () => {
    await inserted(store());
    expect(await store().claim(upTo(0), 2_000)).toEqual([]);
    expect(await store().claim(upTo(-1), 2_000)).toEqual([]);
  });

  test.each([
    [{ free: 1, ahead: 9 }, ["a", "b", "a"]],
    [{ free: 0, ahead: 9 }, ["a", "b", "a"]],
    [{ free: 0, ahead: 2 }, ["a", "b"]],
    [{ free: 1, ahead: 1 }, ["a", "b"]],
    [{ free: 3, ahead: 0 }, ["a", "b", "a"]],
    // One that is not quick takes a slot, and nothing is to wait for it.
    [{ free: 4, ahead: 9 }, ["a", "b", "a", "slow"]],
    [{ free: 5, ahead: 9 }, ["a", "b", "a", "slow", "b"]],
    [{ free: 9, ahead: 9 }, ["a", "b", "a", "slow", "b"]],
  ])("goes beyond the free slots only while all is quick: %j", async (limits, expected) => {
    for (const funcName of ["a", "b", "a", "slow", "b"]) await inserted(store(), { funcName });
    const taken = await store().claim(() => ({ ...limits, quick: new Set(["a", "b"]) }), 2_000);
    expect(taken.map(({ funcName }) => funcName)).toEqual(expected);
    expect((await store().counts()).byStatus).toMatchObject({ running: expected.length, queued: 5 - expected.length });
  });

  test("takes nothing ahead when the next in order is not quick", async () => {
    for (const funcName of ["slow", "a"]) await inserted(store(), { funcName });
    expect(await store().claim(() => ({ free: 0, ahead: 9, quick: new Set(["a"]) }), 2_000)).toEqual([]);
  });

  test("asks how much it may take when it is its turn", async () => {
    await inserted(store());
    let free = 0;
    const claimed = store().claim(() => ({ free, ahead: 0, quick: new Set() }), 2_000);
    free = 1;
    expect(await claimed).toHaveLength(1);
  });
}

function testSettle(store: () => Store): void {
  test("keeps when the attempt began, which may be later than its claim", async () => {
    const task = await claimed(store());
    const begun = { ...task, startedAt: 2_500 };
    const settlement = settlementOf(begun, completed);
    expect(await store().settle(task.id, task.attempt, settlement)).toBe(true);
    expect(await store().find(task.id)).toEqual(applySettlement(begun, settlement));
    expect(await store().attempts(task.id)).toMatchObject([{ startedAt: 2_500 }]);
  });

  test.each([
    ["completed", completed],
    ["retrying", failed],
    ["queued", interrupted],
    ["cancelled", { kind: "cancelled" }],
  ] as const)("writes the task's next state, %s, and the attempt's line in the history", async (status, outcome) => {
    const task = await claimed(store());
    const settlement = settlementOf(task, outcome);
    expect(await store().settle(task.id, 1, settlement)).toBe(true);
    expect(await store().find(task.id)).toEqual({ ...applySettlement(task, settlement), status });
    expect(await store().attempts(task.id)).toEqual(settlement.attempt === null ? [] : [settlement.attempt]);
  });

  test("refuses an attempt that no longer owns its task, and changes nothing", async () => {
    const first = await claimed(store());
    await store().settle(first.id, 1, settlementOf(first, interrupted));
    const [second] = await store().claim(upTo(1), 3_000);
    expect(await store().settle(first.id, 1, settlementOf(first, completed))).toBe(false);
    expect(await store().find(first.id)).toEqual(second ?? null);
    expect((await store().attempts(first.id)).map(({ outcome }) => outcome)).toEqual(["interrupted"]);
  });

  test("settles an attempt once, of two in one turn the first", async () => {
    const task = await claimed(store(), { maxRetries: 0 });
    const settlements = [settlementOf(task, completed), settlementOf(task, failed)];
    const answers = await Promise.all(settlements.map((settlement) => store().settle(task.id, 1, settlement)));
    expect(answers).toEqual([true, false]);
    expect((await store().find(task.id))?.status).toBe("completed");
  });

  test("refuses an unknown task", async () => {
    const task = aTask({ status: "running", attempt: 1 });
    expect(await store().settle(task.id, 1, settlementOf(task, completed))).toBe(false);
  });

  test("gives a claim back without a line in the history, and never its lease again", async () => {
    const task = await claimed(store());
    expect(await store().settle(task.id, 1, postpone(task, 9_000))).toBe(true);
    expect(await store().find(task.id)).toEqual({ ...task, status: "pending", runAt: 9_000 });
    expect(await store().attempts(task.id)).toEqual([]);
    await store().promote(1, 9_000);
    expect(await store().claim(upTo(1), 9_000)).toMatchObject([{ id: task.id, attempt: 2 }]);
    expect(await store().settle(task.id, 1, postpone(task, 9_500))).toBe(false);
  });

  test("leaves the progress as it was last reported", async () => {
    const task = await claimed(store());
    const progress = { fraction: 0.75, message: null };
    await store().report([{ taskId: task.id, attempt: 1, progress, lines: [] }]);
    await store().settle(task.id, 1, settlementOf(task, completed));
    expect(await store().find(task.id)).toMatchObject({ status: "completed", progress });
  });

  test("rounds the end of a backoff with a fraction of a millisecond up", async () => {
    const task = await claimed(store());
    await store().settle(task.id, 1, { ...settlementOf(task, failed), runAt: 7_000.5 });
    expect((await store().find(task.id))?.runAt).toBe(7_001);
  });
}

function testReport(store: () => Store): void {
  const line = (message: string, attempt = 1) => ({ at: 2_500, attempt, level: "info", message }) as const;

  test("keeps progress and log lines, in their order", async () => {
    const task = await claimed(store());
    const progress = { fraction: 0.5, message: "a\0b" };
    await store().report([
      { taskId: task.id, attempt: 1, progress: { fraction: 0.1, message: null }, lines: [line("b"), line("a")] },
      { taskId: task.id, attempt: 1, progress, lines: [line("c\0d")] },
    ]);
    expect((await store().find(task.id))?.progress).toEqual(progress);
    expect(await store().logs(task.id)).toEqual([line("b"), line("a"), line("c\0d")]);
  });

  test("leaves the progress where none is reported", async () => {
    const task = await claimed(store());
    const progress = { fraction: 0.5, message: null };
    await store().report([{ taskId: task.id, attempt: 1, progress, lines: [] }]);
    await store().report([{ taskId: task.id, attempt: 1, progress: null, lines: [line("x")] }]);
    expect((await store().find(task.id))?.progress).toEqual(progress);
  });

  test("drops the progress of an attempt that no longer owns its task, but not its lines", async () => {
    const task = await claimed(store());
    const late = { taskId: task.id, progress: { fraction: 1, message: "late" } };
    await store().report([{ ...late, attempt: 2, lines: [] }]);
    await store().settle(task.id, 1, settlementOf(task, completed));
    await store().report([{ ...late, attempt: 1, lines: [line("late")] }]);
    expect((await store().find(task.id))?.progress).toBeNull();
    expect(await store().logs(task.id)).toEqual([line("late")]);
  });

  test("drops what is said of an unknown task", async () => {
    await store().report([
      { taskId: "gone", attempt: 1, progress: { fraction: 1, message: null }, lines: [line("x")] },
    ]);
    expect(await store().logs("gone")).toEqual([]);
  });
}

function testTurn(store: () => Store): void {
  test("writes run in the order of their calls, each sees those before it", async () => {
    const first = await claimed(store());
    const next = aTask();
    const [settled, accepted, taken] = await Promise.all([
      store().settle(first.id, 1, settlementOf(first, interrupted)),
      store().insert([next], 2),
      store().claim(upTo(5), 3_000),
    ]);
    expect([settled, accepted, ids(taken)]).toEqual([true, true, [first.id, next.id]]);
  });

  test("their promises settle in the order of their calls", async () => {
    const first = await claimed(store());
    const answered: string[] = [];
    const note = (name: string) => () => answered.push(name);
    await Promise.all([
      store()
        .report([{ taskId: first.id, attempt: 1, progress: null, lines: [] }])
        .then(note("report")),
      store().settle(first.id, 1, settlementOf(first, interrupted)).then(note("settle")),
      store().claim(upTo(1), 3_000).then(note("claim")),
      store().cancel(first.id, 3_000).then(note("cancel")),
    ]);
    expect(answered).toEqual(["report", "settle", "claim", "cancel"]);
  });
}
