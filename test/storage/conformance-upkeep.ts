import { describe, expect, test } from "bun:test";
import type { Task } from "../../src/domain/task.ts";
import { applySettlement, postpone } from "../../src/domain/transition.ts";
import type { Store } from "../../src/storage/store.ts";
import { upTo } from "./limits.ts";
import { claimed, completed, ended, failed, ids, inserted, interrupted, settlementOf } from "./steps.ts";

export function testUpkeep(store: () => Store): void {
  describe("promote and nextDue", () => testPromote(store));
  describe("cancel", () => testCancel(store));
  describe("cancelWaiting", () => testCancelWaiting(store));
  describe("recover", () => testRecover(store));
  describe("prune", () => testPrune(store));
  test("probe writes, and changes nothing that counts", async () => {
    await inserted(store());
    const before = await store().counts();
    await store().probe();
    await store().probe();
    expect(await store().counts()).toEqual(before);
  });
}

function testPromote(store: () => Store): void {
  test("queues what is due, the first due first", async () => {
    const late = await inserted(store(), { status: "pending", runAt: 300 });
    const early = await inserted(store(), { status: "retrying", runAt: 100 });
    const twin = await inserted(store(), { status: "pending", runAt: 300 });
    await inserted(store(), { status: "pending", runAt: 301 });
    const promoted = await store().promote(10, 300);
    expect(promoted).toEqual([early, late, twin].map((task) => ({ ...task, status: "queued" })));
    expect(await store().find(early.id)).toEqual({ ...early, status: "queued" });
    expect(await store().promote(10, 300)).toEqual([]);
  });

  test("queues no more than the limit", async () => {
    const { id } = await inserted(store(), { status: "pending", runAt: 1 });
    await inserted(store(), { status: "pending", runAt: 2 });
    expect(ids(await store().promote(1, 10))).toEqual([id]);
    expect((await store().counts()).byStatus).toMatchObject({ pending: 1, queued: 1 });
  });

  test("says when the next pending or retrying task is due, whatever else there is", async () => {
    await ended(store(), completed, 5_000, { runAt: 1 });
    await inserted(store(), { status: "queued", runAt: 1 });
    expect(await store().nextDue()).toBeNull();
    await inserted(store(), { status: "pending", runAt: 70 });
    expect(await store().nextDue()).toBe(70);
    await inserted(store(), { status: "retrying", runAt: 60 });
    expect(await store().nextDue()).toBe(60);
    await store().promote(1, 60);
    expect(await store().nextDue()).toBe(70);
  });
}

function testCancel(store: () => Store): void {
  test.each(["pending", "queued", "retrying"] as const)("ends a task that is %s", async (status) => {
    const waiting = await inserted(store(), { status, error: "Error: no" });
    const task: Task = { ...waiting, status: "cancelled", completedAt: 7_000 };
    expect(await store().cancel(task.id, 7_000)).toEqual({ kind: "cancelled", task });
    expect(await store().find(task.id)).toEqual(task);
    expect(await store().claim(upTo(1), 8_000)).toEqual([]);
  });

  test("marks a task that runs, again and again", async () => {
    const running = await claimed(store());
    const task: Task = { ...running, cancelRequested: true };
    expect(await store().cancel(task.id, 7_000)).toEqual({ kind: "requested", task });
    expect(await store().cancel(task.id, 7_001)).toEqual({ kind: "requested", task });
    expect(await store().find(task.id)).toEqual(task);
    expect(await store().settle(task.id, 1, settlementOf(task, failed))).toBe(true);
    expect((await store().find(task.id))?.status).toBe("cancelled");
  });

  test.each(["completed", "failed", "cancelled"] as const)("leaves a task alone that is %s", async (status) => {
    const task = await inserted(store(), { status, completedAt: 10 });
    expect(await store().cancel(task.id, 7_000)).toEqual({ kind: "final", task });
    expect(await store().find(task.id)).toEqual(task);
  });

  test("is null for an unknown task", async () => {
    expect(await store().cancel("gone", 7_000)).toBeNull();
  });
}

function testCancelWaiting(store: () => Store): void {
  test("cancels what waits, no more than the limit at a time, and nothing else", async () => {
    const waiting: string[] = [];
    for (const status of ["queued", "pending", "retrying", "queued"] as const) {
      waiting.push((await inserted(store(), { status })).id);
    }
    const other = await inserted(store(), { status: "running" });
    const first = await store().cancelWaiting(3, 7_000);
    const second = await store().cancelWaiting(3, 7_001);
    expect([first.length, second.length]).toEqual([3, 1]);
    expect(ids([...first, ...second]).sort()).toEqual(waiting.sort());
    for (const task of first) {
      expect(task).toMatchObject({ status: "cancelled", completedAt: 7_000 });
      expect(await store().find(task.id)).toEqual(task);
    }
    expect(await store().find(other.id)).toEqual(other);
    expect(await store().cancelWaiting(3, 7_002)).toEqual([]);
  });
}

function testRecover(store: () => Store): void {
  test("takes no more than the limit at a time, whichever handlers they are of", async () => {
    const running: string[] = [];
    for (const funcName of ["b", "a", "c", "a"]) running.push((await claimed(store(), { funcName })).id);
    const recover = () => store().recover(3, (task) => settlementOf(task, completed));
    const [first, second, third] = [await recover(), await recover(), await recover()];
    expect([first.length, second.length, third.length]).toEqual([3, 1, 0]);
    expect(ids([...first, ...second]).sort()).toEqual(running.sort());
  });

  test("settles what runs as it is told, with a line in the history", async () => {
    const running = await claimed(store());
    const waiting = await inserted(store());
    const settlement = settlementOf(running, interrupted);
    const recovered = await store().recover(10, (task) => settlementOf(task, interrupted));
    expect(recovered).toEqual([applySettlement(running, settlement)]);
    expect(await store().find(running.id)).toEqual(recovered[0] ?? null);
    expect((await store().attempts(running.id)).map(({ outcome }) => outcome)).toEqual(["interrupted"]);
    expect(await store().find(waiting.id)).toEqual(waiting);
    expect(await store().recover(10, (task) => settlementOf(task, interrupted))).toEqual([]);
  });

  test("gives a claim back when it is told so", async () => {
    const running = await claimed(store());
    const recovered = await store().recover(10, (task) => postpone(task, 9_000));
    expect(recovered).toEqual([{ ...running, status: "pending", runAt: 9_000 }]);
    expect(await store().attempts(running.id)).toEqual([]);
  });

  test("settles no more than the limit", async () => {
    for (let n = 0; n < 3; n++) await claimed(store());
    const settled = (task: Task) => settlementOf(task, interrupted);
    expect(await store().recover(2, settled)).toHaveLength(2);
    expect(await store().recover(2, settled)).toHaveLength(1);
  });
}

function testPrune(store: () => Store): void {
  test("forgets tasks that ended before their cutoff, each kind by its own, and no others", async () => {
    const gone: Task[] = [];
    const kept: Task[] = [];
    gone.push(await ended(store(), completed, 99), await ended(store(), { kind: "cancelled" }, 99));
    gone.push(await ended(store(), failed, 49));
    kept.push(await ended(store(), completed, 100), await ended(store(), { kind: "cancelled" }, 100));
    kept.push(await ended(store(), failed, 50), await claimed(store(), { createdAt: 1 }));
    kept.push(await inserted(store(), { createdAt: 1, runAt: 1 }));

    expect(await store().prune({ completedBefore: 100, failedBefore: 50 }, 10)).toBe(3);
    for (const { id } of gone) expect(await store().find(id)).toBeNull();
    for (const { id } of kept) expect(await store().find(id)).not.toBeNull();
    expect((await store().counts()).byStatus).toMatchObject({ completed: 1, cancelled: 1, failed: 1 });
  });

  test("forgets no more than the limit", async () => {
    for (const outcome of [completed, failed, { kind: "cancelled" }] as const) {
      for (let n = 0; n < 2; n++) await ended(store(), outcome, 10);
    }
    const cutoffs = { completedBefore: 100, failedBefore: 100 };
    const pruned: number[] = [];
    for (let n = 0; n < 4; n++) pruned.push(await store().prune(cutoffs, 2));
    expect(pruned).toEqual([2, 2, 2, 0]);
  });

  test("forgets the history with the task: one that takes its place has none", async () => {
    const task = await ended(store(), completed, 10);
    const line = { at: 5, attempt: 1, level: "info", message: "x" } as const;
    await store().report([{ taskId: task.id, attempt: 1, progress: null, lines: [line] }]);
    await store().prune({ completedBefore: 100, failedBefore: 0 }, 10);
    await inserted(store(), { id: task.id });
    expect(await store().attempts(task.id)).toEqual([]);
    expect(await store().logs(task.id)).toEqual([]);
  });
}
