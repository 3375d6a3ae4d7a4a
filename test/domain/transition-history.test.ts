import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { defaultBackoff } from "../../src/domain/retry.ts";
import { isFinal, jsonText, type Task } from "../../src/domain/task.ts";
import {
  applySettlement,
  isLegalMove,
  maxCrashes,
  type Outcome,
  type Settlement,
  settle,
} from "../../src/domain/transition.ts";
import { aTask } from "../support/tasks.ts";

const now = 50_000;
const errorKinds = ["handler", "permanent", "invalid_result", "load_error", "memory", "crashed"] as const;

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constantFrom<Outcome>({ kind: "completed", result: jsonText(8) }, { kind: "timed_out" }, { kind: "cancelled" }),
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(...errorKinds)
      .map((errorKind): Outcome => ({ kind: "failed", errorKind, error: "Error: no", stack: null })),
  },
  {
    weight: 3,
    arbitrary: fc.boolean().map((workerDied): Outcome => ({ kind: "interrupted", reason: "?", workerDied })),
  },
);

const step = fc.record({
  outcome,
  /** Whether someone asks to cancel it meanwhile. */
  cancelled: fc.nat({ max: 9 }).map((chance) => chance === 0),
  random: fc.double({ min: 0, max: 0.999, noNaN: true }),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

interface Settled {
  readonly before: Task;
  readonly outcome: Outcome;
  readonly settlement: Settlement;
  readonly after: Task;
}

/** Takes a task through `steps`, one attempt each, as long as it is not final. */
function history(task: Task, steps: readonly Step[]): readonly Settled[] {
  const settled: Settled[] = [];
  let current = task;
  for (const { outcome, cancelled, random } of steps) {
    if (isFinal(current.status)) break;
    const attempt = current.attempt + 1;
    const before: Task = { ...current, status: "running", attempt, startedAt: now, cancelRequested: cancelled };
    const settlement = settle(before, outcome, { now, worker: "w1", backoff: defaultBackoff, random });
    current = applySettlement(before, settlement);
    settled.push({ before, outcome, settlement, after: current });
  }
  return settled;
}

/** Checks `property` on five hundred histories. */
function holds(property: (settled: readonly Settled[]) => void): void {
  const start = fc.nat({ max: 5 }).map((maxRetries) => aTask({ maxRetries }));
  fc.assert(
    fc.property(start, fc.array(step, { maxLength: 30 }), (task, steps) => property(history(task, steps))),
    { numRuns: 500 },
  );
}

function isCrash(outcome: Outcome): boolean {
  if (outcome.kind === "interrupted") return outcome.workerDied;
  return outcome.kind === "failed" && outcome.errorKind === "crashed";
}

describe("whatever happens to a task", () => {
  test("every move is legal", () => {
    holds((settled) => {
      for (const { before, after } of settled) expect(isLegalMove(before.status, after.status)).toBe(true);
    });
  });

  test("it ends once, and says when exactly then", () => {
    holds((settled) => {
      const ends = settled.filter(({ after }) => isFinal(after.status));
      expect(ends.length).toBeLessThanOrEqual(1);
      if (ends.length > 0) expect(ends[0]).toBe(settled.at(-1));
      for (const { after } of settled) expect(after.completedAt !== null).toBe(isFinal(after.status));
    });
  });

  test("its retries never exceed what it may have, and grow by one at most", () => {
    holds((settled) => {
      for (const { before, after } of settled) {
        expect(after.retryCount).toBeLessThanOrEqual(after.maxRetries);
        expect(after.retryCount - before.retryCount).toBe(after.status === "retrying" ? 1 : 0);
      }
    });
  });

  test("an interruption alone neither ends it nor uses up a retry", () => {
    holds((settled) => {
      for (const { before, outcome, after } of settled) {
        if (outcome.kind !== "interrupted" || before.cancelRequested) continue;
        const poison = outcome.workerDied && before.crashes + 1 >= maxCrashes;
        expect(after.status).toBe(poison ? "failed" : "queued");
        expect(after.retryCount).toBe(before.retryCount);
        expect(after.runAt).toBe(before.runAt);
      }
    });
  });

  test("three crashes with nothing but interruptions between end it as crashed", () => {
    holds((settled) => {
      let running = 0;
      for (const { outcome, before, after } of settled) {
        if (isCrash(outcome)) running += 1;
        else if (outcome.kind !== "interrupted") running = 0;
        expect(running).toBeLessThanOrEqual(maxCrashes);
        if (running < maxCrashes || before.cancelRequested) continue;
        expect(after).toMatchObject({ status: "failed", errorKind: "crashed" });
      }
    });
  });

  test("it has a result only when completed, and an error when it failed", () => {
    holds((settled) => {
      for (const { after } of settled) {
        expect(after.result !== null).toBe(after.status === "completed");
        if (after.status === "failed") expect([after.error, after.errorKind]).not.toContain(null);
        if (isFinal(after.status)) expect(after.errorKind).not.toBe("interrupted");
      }
    });
  });

  test("each attempt leaves one line, numbered from 1", () => {
    holds((settled) => {
      expect(settled.map(({ settlement }) => settlement.attempt?.number)).toEqual(settled.map((_, index) => index + 1));
    });
  });
});
