import { defaultBackoff } from "../../src/domain/retry.ts";
import { jsonText, type Status, type Task } from "../../src/domain/task.ts";
import { type Outcome, type Settlement, settle } from "../../src/domain/transition.ts";
import type { Store } from "../../src/storage/store.ts";
import { aTask } from "../support/tasks.ts";
import { upTo } from "./limits.ts";

export const unlimited = Number.POSITIVE_INFINITY;

export const completed: Outcome = { kind: "completed", result: jsonText(8) };
export const failed: Outcome = { kind: "failed", errorKind: "handler", error: "Error: no", stack: "at run" };
export const interrupted: Outcome = { kind: "interrupted", reason: "the server stopped", workerDied: false };

/** What the domain writes when `task`, which runs, ends with `outcome`. */
export function settlementOf(task: Task, outcome: Outcome, now = 5_000): Settlement {
  return settle(task, outcome, { now, worker: "worker-1", backoff: defaultBackoff, random: 0.5 });
}

/** Inserts one task, with whatever `overrides` say. */
export async function inserted(store: Store, overrides: Partial<Task> = {}): Promise<Task> {
  const task = aTask(overrides);
  await store.insert([task], unlimited);
  return task;
}

/** Inserts one task and claims it; nothing else may be ready. */
export async function claimed(store: Store, overrides: Partial<Task> = {}): Promise<Task> {
  const { id } = await inserted(store, overrides);
  const [task] = await store.claim(upTo(1), 2_000);
  if (task?.id !== id) throw new Error("another task was ready");
  return task;
}

/** Brings one task to an end. */
export async function ended(store: Store, outcome: Outcome, now: number, overrides: Partial<Task> = {}): Promise<Task> {
  const task = await claimed(store, { maxRetries: 0, ...overrides });
  await store.settle(task.id, task.attempt, settlementOf(task, outcome, now));
  return task;
}

export function ids(tasks: readonly Task[]): string[] {
  return tasks.map(({ id }) => id);
}

/** How many of `tasks` are in each status. */
export function countByStatus(tasks: readonly Task[]): Record<Status, number> {
  const counts = { pending: 0, queued: 0, running: 0, retrying: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const { status } of tasks) counts[status] += 1;
  return counts;
}
