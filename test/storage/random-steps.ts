import fc from "fast-check";
import type { Task } from "../../src/domain/task.ts";
import { postpone } from "../../src/domain/transition.ts";
import type { Store } from "../../src/storage/store.ts";
import { aTask } from "../support/tasks.ts";
import { upTo } from "./limits.ts";
import { completed, failed, interrupted, settlementOf } from "./steps.ts";

const limit = fc.integer({ min: 1, max: 4 });
const pick = fc.nat({ max: 100 });
const step = fc.oneof(
  fc.record({
    verb: fc.constant("insert" as const),
    statuses: fc.array(fc.constantFrom("pending", "queued"), { maxLength: 4 }),
    maxWaiting: fc.integer({ min: 0, max: 8 }),
    duplicate: fc.boolean(),
  }),
  fc.record({ verb: fc.constant("claim" as const), limit }),
  fc.record({
    verb: fc.constant("settle" as const),
    pick,
    how: fc.constantFrom("completed", "failed", "interrupted", "postponed"),
    stale: fc.boolean(),
  }),
  fc.record({ verb: fc.constantFrom("promote", "cancelWaiting", "recover", "prune"), limit }),
  fc.record({ verb: fc.constant("cancel" as const), pick }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Turns of the event loop, with the calls of each. */
export const randomSteps = fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 20 });

/** Takes the steps; says how many tasks were accepted and how often one was claimed. Duplicates reject, that is expected. */
export async function takeSteps(store: Store, turns: readonly (readonly Step[])[]) {
  const known: Task[] = [];
  const totals = { enqueued: 0, dequeued: 0 };

  async function insert({ statuses, maxWaiting, duplicate }: Extract<Step, { verb: "insert" }>): Promise<void> {
    const tasks = statuses.map((status, n) => aTask({ status, runAt: n, maxRetries: 1 }));
    const twin = duplicate ? known[0] : undefined;
    const answer = store.insert(twin === undefined ? tasks : [...tasks, twin], maxWaiting);
    const accepted = await answer.catch(() => false);
    if (!accepted) return;
    // A twin is accepted again once the first was pruned.
    totals.enqueued += tasks.length + (twin === undefined ? 0 : 1);
    known.push(...tasks);
  }

  async function claim(limit: number): Promise<void> {
    const { length } = await store.claim(upTo(limit), 10);
    totals.dequeued += length;
  }

  async function settle({ pick, how, stale }: Extract<Step, { verb: "settle" }>): Promise<void> {
    const found = await pickFrom(pick);
    if (found === null) return;
    // A lease that is not there yet: a claim of the same turn may bring it.
    const task = stale ? { ...found, attempt: found.attempt + 1 } : found;
    const outcomes = { completed, failed, interrupted };
    const settlement = how === "postponed" ? postpone(task, 50) : settlementOf(task, outcomes[how], 50);
    await store.settle(task.id, task.attempt, settlement);
  }

  async function pickFrom(pick: number): Promise<Task | null> {
    const task = known[pick % Math.max(1, known.length)];
    return task === undefined ? null : store.find(task.id);
  }

  async function take(step: Step): Promise<void> {
    switch (step.verb) {
      case "insert":
        return insert(step);
      case "claim":
        return claim(step.limit);
      case "settle":
        return settle(step);
      case "promote":
        await store.promote(step.limit, 40);
        return;
      case "cancelWaiting":
        await store.cancelWaiting(step.limit, 60);
        return;
      case "recover":
        await store.recover(step.limit, (task) => settlementOf(task, interrupted, 60));
        return;
      case "prune":
        await store.prune({ completedBefore: 100, failedBefore: 55 }, step.limit);
        return;
      case "cancel":
        await store.cancel(known[step.pick % Math.max(1, known.length)]?.id ?? "", 60);
        return;
      default:
        step satisfies never;
    }
  }

  for (const turn of turns) await Promise.all(turn.map(take));
  return totals;
}
