import { describe, expect, test } from "bun:test";
import { parseCron } from "../../src/domain/cron.ts";
import { dueTimes, mostCaughtUp, onTimeMs, passedOver, planFirings } from "../../src/domain/firing.ts";
import type { PeriodicTask } from "../../src/domain/periodic.ts";
import { anEntry } from "../support/periodic.ts";
import { aTask } from "../support/tasks.ts";

const second = parseCron("* * * * * *", "UTC");
const minute = 60_000;
const every = parseCron("* * * * *", "UTC");
const tasks = { taskAt: (scheduledFor: number) => aTask({ scheduledFor }) };

/** What becomes of each minute from the first on, when it is `now`: `fire 1, miss 2` for the first and the second. */
function plan(now: number, overrides: Partial<PeriodicTask> = {}): string {
  const { decisions } = planFirings(anEntry(overrides), minute, every, now, tasks);
  return decisions.map(({ kind, nominalAt }) => `${kind} ${nominalAt / minute}`).join(", ");
}

describe("a time that is due", () => {
  test.each(["latest", "none", "all"] as const)("fires when it has just come, whatever the catch-up: %s", (catchUp) => {
    expect(plan(minute, { catchUp })).toBe("fire 1");
    expect(plan(minute + onTimeMs, { catchUp })).toBe("fire 1");
  });

  test("fires later than that as far as the catch-up goes", () => {
    expect(plan(minute + onTimeMs + 1)).toBe("fire 1");
    expect(plan(minute + onTimeMs + 1, { catchUp: "all" })).toBe("fire 1");
    expect(plan(minute + onTimeMs + 1, { catchUp: "none" })).toBe("miss 1");
  });

  test("says whether it was caught up", () => {
    const reasonAt = (now: number) => planFirings(anEntry(), minute, every, now, tasks).decisions[0]?.reason;
    expect(reasonAt(minute + onTimeMs)).toBeNull();
    expect(reasonAt(minute + onTimeMs + 1)).toBe("catch_up");
  });

  test("leads to the first one after now, however many have passed", () => {
    expect(planFirings(anEntry(), minute, every, 4.5 * minute, tasks)).toMatchObject({
      name: "tick",
      revision: 1_000,
      nextRun: minute,
      followingRun: 5 * minute,
    });
  });
});

describe("several times that are due", () => {
  test("are missed but for the latest, or fire, or are all missed", () => {
    expect(plan(3 * minute + 15_000, { catchUp: "latest" })).toBe("miss 1, miss 2, fire 3");
    expect(plan(3 * minute + 15_000, { catchUp: "none" })).toBe("miss 1, miss 2, miss 3");
    expect(plan(3 * minute + 15_000, { catchUp: "all" })).toBe("fire 1, fire 2, fire 3");
  });

  test("with the last of them in time", () => {
    expect(plan(3 * minute, { catchUp: "latest" })).toBe("miss 1, miss 2, fire 3");
    expect(plan(3 * minute, { catchUp: "none" })).toBe("miss 1, miss 2, fire 3");
    expect(plan(3 * minute, { catchUp: "all" })).toBe("fire 1, fire 2, fire 3");
  });

  test("all in time, fire all", () => {
    const { decisions } = planFirings(anEntry(), minute, second, minute + 3_000, tasks);
    expect(decisions.map(({ kind, nominalAt }) => [kind, nominalAt - minute])).toEqual([
      ["fire", 0],
      ["fire", 1_000],
      ["fire", 2_000],
      ["fire", 3_000],
    ]);
  });

  test("keep to the overlap, but for what `all` catches up", () => {
    const overlapAt = (now: number, catchUp: PeriodicTask["catchUp"]) =>
      planFirings(anEntry({ catchUp, overlap: "replace" }), minute, every, now, tasks).decisions.flatMap((decision) =>
        decision.kind === "fire" ? [decision.overlap] : [],
      );
    expect(overlapAt(3 * minute, "latest")).toEqual(["replace"]);
    expect(overlapAt(minute, "all")).toEqual(["replace"]);
    expect(overlapAt(3 * minute, "all")).toEqual(["allow", "allow", "allow"]);
  });

  test("create no task when the input does not fit", () => {
    const { decisions } = planFirings(anEntry(), minute, every, 2 * minute, { refusal: "/kwargs/a: no" });
    expect(decisions).toEqual([
      { kind: "miss", nominalAt: minute, reason: "catch_up", since: null },
      { kind: "skip", nominalAt: 2 * minute, reason: "invalid_input", detail: "/kwargs/a: no" },
    ]);
  });
});

describe("after three weeks of seconds", () => {
  const now = 21 * 86_400_000;
  const planned = (catchUp: PeriodicTask["catchUp"]) =>
    planFirings(anEntry({ catchUp, nextRun: 1_000 }), 1_000, second, now + 60_500, tasks).decisions;

  test("`all` fires the latest 100, oldest first, and one line stands for the rest", () => {
    const [missed, ...fired] = planned("all");
    expect(missed).toEqual({ kind: "miss", nominalAt: now - 40_000, reason: "catch_up", since: 1_000 });
    expect(fired).toHaveLength(mostCaughtUp);
    expect(fired.map(({ nominalAt }) => nominalAt)).toEqual(fired.map((_, index) => now - 39_000 + index * 1_000));
    expect(fired.every(({ kind }) => kind === "fire")).toBe(true);
  });

  test("`latest` and `none` fire those in time; the oldest line of the missed stands for the rest", () => {
    for (const catchUp of ["latest", "none"] as const) {
      const decisions = planned(catchUp);
      expect(decisions).toHaveLength(101);
      expect(decisions.filter(({ kind }) => kind === "fire").map(({ nominalAt }) => nominalAt)).toEqual(
        Array.from({ length: 10 }, (_, index) => now + 51_000 + index * 1_000),
      );
      expect(decisions[0]).toMatchObject({ kind: "miss", since: 1_000, nominalAt: now - 40_000 });
      expect(decisions[1]).toMatchObject({ kind: "miss", since: null });
    }
  });

  test("looks at no more of them than it needs", () => {
    const { times, more } = dueTimes(1_000, second, now);
    expect(times).toHaveLength(101);
    expect(more).toBe(true);
    expect(dueTimes(now - 100_000, second, now)).toMatchObject({ times: { length: 101 }, more: false });
  });
});

test("what goes by when an entry changes is missed with that reason, now included", () => {
  expect(passedOver(minute, every, 3 * minute, "paused")).toEqual(
    [1, 2, 3].map((n) => ({ kind: "miss", nominalAt: n * minute, reason: "paused", since: null })),
  );
  expect(passedOver(minute, every, minute - 1, "changed")).toEqual([]);
});

test("a next time that time zones of today do not have is none", () => {
  expect(plan(minute + 30_000, { nextRun: 61_000 })).toBe("fire 1");
  expect(planFirings(anEntry(), 61_000, every, minute + 30_000, tasks)).toMatchObject({
    decisions: [],
    followingRun: 2 * minute,
  });
});
