import { describe, expect, test } from "bun:test";
import type { Decision, Fired, FiringPlan, PeriodicTask } from "../../src/domain/periodic.ts";
import type { Store } from "../../src/storage/store.ts";
import { aFiring, anEntry } from "../support/periodic.ts";
import { upTo } from "./limits.ts";
import { completed, ids, inserted, settlementOf, unlimited } from "./steps.ts";

export function testPeriodic(store: () => Store): void {
  describe("savePeriodic and removePeriodic", () => testSaved(store));
  describe("duePeriodic and nextFiring", () => testDue(store));
  describe("fire", () => testFire(store));
  describe("fire, while an earlier task is not final", () => testOverlap(store));
  describe("fire, into a queue that is full", () => testFull(store));
  describe("firings", () => testFirings(store));
}

const minute = 60_000;
const missed = (nominalAt: number): Decision => ({ kind: "miss", nominalAt, reason: "catch_up", since: null });

async function saved(store: Store, overrides: Partial<PeriodicTask> = {}): Promise<PeriodicTask> {
  const entry = anEntry(overrides);
  expect(await store.savePeriodic(entry, null, [], entry.createdAt)).toBe(true);
  return entry;
}

function planOf(entry: PeriodicTask, decisions: readonly Decision[], overrides: Partial<FiringPlan> = {}): FiringPlan {
  const { name, revision } = entry;
  const nextRun = entry.nextRun ?? 0;
  const last = decisions.at(-1)?.nominalAt ?? nextRun;
  return { name, revision, nextRun, decisions, followingRun: last + minute, ...overrides };
}

/** Fires one entry once, at its next time or at another. */
async function fired(store: Store, entry: PeriodicTask, nominalAt = entry.nextRun ?? 0): Promise<Fired> {
  const [result] = await store.fire([planOf(entry, [aFiring(entry, nominalAt)])], nominalAt + 5, unlimited);
  if (result === undefined) throw new Error("one plan gave nothing");
  return result;
}

async function found(store: Store, name = "tick"): Promise<PeriodicTask> {
  const entry = await store.findPeriodic(name);
  if (entry === null) throw new Error(`no entry ${name}`);
  return entry;
}

function testSaved(store: () => Store): void {
  test("an entry comes back as it was written", async () => {
    const plain = await saved(store(), { name: "b" });
    const full = await saved(store(), {
      name: "a",
      priority: 0,
      maxRetries: 7,
      timeoutMs: 1_500.5,
      overlap: "replace",
      catchUp: "all",
      enabled: false,
      source: "handler",
      nextRun: null,
      lastRun: 5,
      runCount: 3,
      decidedUntil: 6,
    });
    expect(await store().findPeriodic("a")).toEqual(full);
    expect(await store().listPeriodic()).toEqual([full, plain]);
    expect(await store().findPeriodic("c")).toBeNull();
  });

  test("is refused when what is there is not what it was to follow on", async () => {
    const entry = await saved(store());
    const next = { ...entry, revision: 2_000, timezone: "Europe/Berlin" };
    expect(await store().savePeriodic(next, null, [], 1)).toBe(false);
    expect(await store().savePeriodic(next, { ...entry, revision: 999 }, [], 1)).toBe(false);
    expect(await store().savePeriodic(next, { ...entry, nextRun: minute + 1 }, [], 1)).toBe(false);
    expect(await store().savePeriodic({ ...next, name: "other" }, entry, [], 1)).toBe(false);
    expect(await store().listPeriodic()).toEqual([entry]);
    expect(await store().savePeriodic(next, entry, [], 1)).toBe(true);
    expect(await store().listPeriodic()).toEqual([next]);
  });

  test("is refused when the entry has fired in the meantime, its last time too", async () => {
    const entry = await saved(store());
    await store().fire([planOf(entry, [aFiring(entry, minute)], { followingRun: null })], minute, unlimited);
    const before = { ...entry, nextRun: null };
    expect(await store().savePeriodic({ ...before, revision: 2_000 }, before, [], minute)).toBe(false);
    expect((await found(store())).runCount).toBe(1);
  });

  test("keeps what went by undecided in the history", async () => {
    const entry = await saved(store());
    const paused = { ...entry, enabled: false, nextRun: null, decidedUntil: 2 * minute, revision: 2_000 };
    const passed = [missed(minute), missed(2 * minute)];
    await store().savePeriodic(paused, entry, passed, 130_000);
    const lines = await store().firings("tick");
    expect(lines.map(({ nominalAt, outcome, decidedAt }) => [nominalAt, outcome, decidedAt])).toEqual([
      [2 * minute, "missed", 130_000],
      [minute, "missed", 130_000],
    ]);
  });

  test("is removed with its history when it is of that source, while its tasks stay", async () => {
    const entry = await saved(store());
    const { queued } = await fired(store(), entry);
    expect(await store().removePeriodic("tick", "handler")).toBe(false);
    expect(await store().removePeriodic("tock", "api")).toBe(false);
    expect(await store().firings("tick")).toHaveLength(1);
    expect(await store().removePeriodic("tick", "api")).toBe(true);
    expect(await store().findPeriodic("tick")).toBeNull();
    expect(await store().firings("tick")).toEqual([]);
    expect((await store().list({ limit: 10 })).tasks).toEqual([...queued]);
  });
}

function testDue(store: () => Store): void {
  test("gives what is due, the first due first, and no more than asked for", async () => {
    await saved(store(), { name: "late", nextRun: 300 });
    await saved(store(), { name: "early", nextRun: 100 });
    await saved(store(), { name: "later", nextRun: 301 });
    await saved(store(), { name: "paused", enabled: false, nextRun: null });
    const names = async (limit: number, now: number) => (await store().duePeriodic(limit, now)).map(({ name }) => name);
    expect(await names(10, 300)).toEqual(["early", "late"]);
    expect(await names(1, 300)).toEqual(["early"]);
    expect(await names(10, 99)).toEqual([]);
  });

  test("says when the next is due", async () => {
    expect(await store().nextFiring()).toBeNull();
    await saved(store(), { name: "a", nextRun: 300 });
    await saved(store(), { name: "b", nextRun: 200 });
    await saved(store(), { name: "c", nextRun: null });
    expect(await store().nextFiring()).toBe(200);
  });
}

function testFire(store: () => Store): void {
  test("creates the task, moves the entry on, counts it and writes it down", async () => {
    const entry = await saved(store());
    const decision = aFiring(entry, minute);
    const [result] = await store().fire([planOf(entry, [decision])], minute + 5, unlimited);
    expect(result).toEqual({
      name: "tick",
      kind: "done",
      queued: [decision.task],
      cancelled: [],
      requested: [],
      skipped: [],
    });
    expect(await store().find(decision.task.id)).toEqual(decision.task);
    expect(await found(store())).toEqual({
      ...entry,
      nextRun: 2 * minute,
      lastRun: minute,
      runCount: 1,
      decidedUntil: minute,
    });
    expect(await store().firings("tick")).toEqual([
      {
        nominalAt: minute,
        outcome: "fired",
        decidedAt: minute + 5,
        reason: null,
        detail: null,
        taskId: decision.task.id,
        since: null,
      },
    ]);
    expect(await store().counts()).toMatchObject({ byStatus: { queued: 1 }, enqueued: 1 });
  });

  test("tells each task of the time that fired before", async () => {
    const entry = await saved(store(), { overlap: "allow" });
    const decisions = [aFiring(entry, minute), missed(2 * minute), aFiring(entry, 3 * minute)];
    const [result] = await store().fire([planOf(entry, decisions)], 3 * minute, unlimited);
    expect(result?.queued.map(({ lastRunAt }) => lastRunAt)).toEqual([null, minute]);
    const later = await fired(store(), await found(store()));
    expect(later.queued.map(({ lastRunAt }) => lastRunAt)).toEqual([3 * minute]);
    expect(await store().find(later.queued[0]?.id ?? "")).toMatchObject({ lastRunAt: 3 * minute });
  });

  test("leaves an entry alone that is not as its plan says any more", async () => {
    const entry = await saved(store());
    const plans: FiringPlan[] = [
      planOf({ ...entry, name: "gone" }, [aFiring(entry, minute)]),
      planOf(entry, [aFiring(entry, minute)], { revision: 999 }),
      planOf(entry, [aFiring(entry, 2 * minute)], { nextRun: 2 * minute }),
    ];
    const results = await store().fire(plans, 5 * minute, unlimited);
    expect(results.map(({ kind }) => kind)).toEqual(["stale", "stale", "stale"]);
    expect(await found(store())).toEqual(entry);
    expect((await store().list({ limit: 10 })).tasks).toEqual([]);
    expect(await store().firings("tick")).toEqual([]);
  });

  test("fires nothing before its time", async () => {
    const entry = await saved(store());
    const [result] = await store().fire([planOf(entry, [aFiring(entry, minute)])], minute - 1, unlimited);
    expect(result?.kind).toBe("stale");
    expect(await found(store())).toEqual(entry);
  });

  test("carries the same plan out once", async () => {
    const entry = await saved(store(), { overlap: "allow" });
    const plan = () => planOf(entry, [aFiring(entry, minute)]);
    const results = await Promise.all([plan(), plan()].map((one) => store().fire([one], minute, unlimited)));
    expect(results.flat().map(({ kind }) => kind)).toEqual(["done", "stale"]);
    expect((await store().list({ limit: 10 })).tasks).toHaveLength(1);
  });

  test("creates no second task for a time that fired under this name before", async () => {
    const entry = await saved(store());
    const { queued } = await fired(store(), entry);
    await store().removePeriodic("tick", "api");
    const again = await saved(store(), { revision: 2_000, overlap: "allow" });
    expect(await fired(store(), again)).toMatchObject({ kind: "done", queued: [] });
    expect(ids((await store().list({ limit: 10 })).tasks)).toEqual(ids(queued));
    expect(await found(store())).toMatchObject({ nextRun: 2 * minute, runCount: 0, lastRun: null });
  });

  test("a task without a nominal time stands beside any other", async () => {
    const entry = await saved(store());
    await inserted(store(), { periodicTask: "tick" });
    await inserted(store(), { periodicTask: "tick" });
    expect((await fired(store(), entry)).queued).toHaveLength(1);
  });

  test("a plan of nothing moves the entry on all the same", async () => {
    const entry = await saved(store());
    await store().fire([planOf(entry, [], { followingRun: 90_000 })], minute, unlimited);
    expect(await found(store())).toEqual({ ...entry, nextRun: 90_000 });
  });
}

function testOverlap(store: () => Store): void {
  /** The second time of an entry whose first task is there. */
  async function second(overlap: PeriodicTask["overlap"], first: (id: string) => Promise<unknown>) {
    const entry = await saved(store(), { overlap });
    const { queued } = await fired(store(), entry);
    const id = queued[0]?.id ?? "";
    await first(id);
    return { id, result: await fired(store(), await found(store())) };
  }
  const stays = () => Promise.resolve();
  const runs = () => store().claim(upTo(1), minute + 10);
  const retries = async (id: string) => {
    const [task] = await runs();
    if (task !== undefined) {
      await store().settle(id, 1, { ...settlementOf(task, completed), status: "retrying", completedAt: null });
    }
  };
  const ends = async (id: string) => {
    const [task] = await runs();
    if (task !== undefined) await store().settle(id, 1, settlementOf(task, completed));
  };

  test.each([
    ["waits", stays],
    ["runs", runs],
    ["is to be retried", retries],
  ] as const)("skip: the time is skipped for a task that %s", async (_what, first) => {
    const { id, result } = await second("skip", first);
    expect(result).toMatchObject({ kind: "done", queued: [], cancelled: [], requested: [] });
    expect(result.skipped).toMatchObject([{ nominalAt: 2 * minute, reason: "overlap", taskId: id }]);
    expect((await store().firings("tick")).map(({ outcome }) => outcome)).toEqual(["skipped", "fired"]);
    expect(await found(store())).toMatchObject({ runCount: 1, lastRun: minute, nextRun: 3 * minute });
  });

  test.each(["skip", "allow", "replace"] as const)("%s: fires when that task is final", async (overlap) => {
    const { result } = await second(overlap, ends);
    expect(result.queued).toHaveLength(1);
    expect(result).toMatchObject({ cancelled: [], requested: [], skipped: [] });
  });

  test("skip: what was triggered, and other entries' tasks, are in nobody's way", async () => {
    const other = await saved(store(), { name: "other" });
    await fired(store(), other);
    await inserted(store(), { periodicTask: "tick" });
    expect((await fired(store(), await saved(store()))).queued).toHaveLength(1);
  });

  test("allow: fires beside it", async () => {
    const { result } = await second("allow", runs);
    expect(result.queued).toHaveLength(1);
    expect(await store().counts()).toMatchObject({ byStatus: { running: 1, queued: 1 } });
  });

  test("replace: cancels one that waits", async () => {
    const { id, result } = await second("replace", stays);
    expect(result.queued).toHaveLength(1);
    expect(result.cancelled).toMatchObject([{ id, status: "cancelled", completedAt: 2 * minute + 5 }]);
    expect(await store().counts()).toMatchObject({ byStatus: { cancelled: 1, queued: 1 } });
  });

  test("replace: marks one that runs", async () => {
    const { id, result } = await second("replace", runs);
    expect(result).toMatchObject({ cancelled: [], requested: [id] });
    expect(await store().find(id)).toMatchObject({ status: "running", cancelRequested: true });
    expect(await store().counts()).toMatchObject({ byStatus: { running: 1, queued: 1 } });
  });
}

function testFull(store: () => Store): void {
  test("the entry waits at the first time that finds no room, with all before it decided", async () => {
    const entry = await saved(store(), { overlap: "allow" });
    const decisions = [missed(minute), aFiring(entry, 2 * minute), aFiring(entry, 3 * minute), missed(4 * minute)];
    const [result] = await store().fire([planOf(entry, decisions)], 4 * minute, 1);
    expect(result?.kind).toBe("full");
    expect(result?.queued).toHaveLength(1);
    expect(await found(store())).toMatchObject({
      nextRun: 3 * minute,
      decidedUntil: 2 * minute,
      lastRun: 2 * minute,
      runCount: 1,
    });
    expect((await store().firings("tick")).map(({ nominalAt }) => nominalAt)).toEqual([2 * minute, minute]);
  });

  test("a time is skipped for an overlap all the same", async () => {
    const { queued } = await fired(store(), await saved(store()));
    const next = await found(store());
    const [result] = await store().fire([planOf(next, [aFiring(next, 2 * minute)])], 2 * minute, 1);
    expect(result).toMatchObject({ kind: "done", skipped: [{ taskId: queued[0]?.id }] });
  });

  test("a waiting task makes room for the one that replaces it; a running one does not, and is left alone", async () => {
    await fired(store(), await saved(store(), { overlap: "replace" }));
    const next = await found(store());
    const [replaced] = await store().fire([planOf(next, [aFiring(next, 2 * minute)])], 2 * minute, 1);
    expect(replaced).toMatchObject({ kind: "done", cancelled: [{ status: "cancelled" }] });
    const [running] = await store().claim(upTo(1), 2 * minute);
    await inserted(store());
    const last = await found(store());
    const [full] = await store().fire([planOf(last, [aFiring(last, 3 * minute)])], 3 * minute, 1);
    expect(full).toMatchObject({ kind: "full", queued: [], requested: [] });
    expect(await store().find(running?.id ?? "")).toMatchObject({ cancelRequested: false });
  });
}

function testFirings(store: () => Store): void {
  test("keeps the last 100 of each outcome, of each entry", async () => {
    let entry = await saved(store(), { overlap: "allow", nextRun: 1 });
    const other = await saved(store(), { name: "other" });
    await fired(store(), other);
    await store().fire([planOf(entry, [aFiring(entry, 1), missed(2)], { followingRun: 3 })], 3, unlimited);
    for (let from = 3; from < 210; from += 60) {
      entry = await found(store());
      const decisions = Array.from({ length: 60 }, (_, index) => missed(from + index));
      await store().fire([planOf(entry, decisions, { followingRun: from + 60 })], from + 60, unlimited);
    }
    const times = (await store().firings("tick")).map(({ nominalAt }) => nominalAt);
    expect(times).toEqual([...Array.from({ length: 100 }, (_, index) => 242 - index), 1]);
    expect(await store().firings("other")).toHaveLength(1);
  });

  test("keeps the reason and the sentence of a skip, and the range of a miss", async () => {
    const entry = await saved(store());
    const skip: Decision = { kind: "skip", nominalAt: 2 * minute, reason: "invalid_input", detail: "/kwargs/a: no" };
    const decisions: Decision[] = [{ kind: "miss", nominalAt: minute, reason: "catch_up", since: 30_000 }, skip];
    const [result] = await store().fire([planOf(entry, decisions)], 2 * minute, unlimited);
    const [skipped, miss] = await store().firings("tick");
    expect(skipped).toMatchObject({
      outcome: "skipped",
      reason: "invalid_input",
      detail: "/kwargs/a: no",
      taskId: null,
    });
    expect(miss).toMatchObject({ outcome: "missed", reason: "catch_up", since: 30_000 });
    expect(result?.skipped).toEqual(skipped === undefined ? [] : [skipped]);
  });
}
