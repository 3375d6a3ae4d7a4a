import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

const metricsSchema = Type.Object({
  queue: Type.Object({ completed_count: Type.Integer(), failed_count: Type.Integer() }),
});

/** Seldom enough to cost nothing beside what is measured. */
const lookMs = 25;
const patienceMs = 120_000;

/**
 * Resolves once `total` tasks of the server are completed.
 * @throws Error when one fails, or the wait is too long.
 */
export async function completed(url: string, total: number): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const count = await completedCount(url);
    if (count >= total) return;
    if (performance.now() > giveUpAt) throw new Error(`only ${count} of ${total} tasks were completed in time`);
    await Bun.sleep(lookMs);
  }
}

/** @throws Error when a task has failed. */
export async function completedCount(url: string): Promise<number> {
  const response = await fetch(`${url}/api/v1/metrics`);
  const { queue } = Value.Parse(metricsSchema, await response.json());
  if (queue.failed_count > 0) throw new Error(`${queue.failed_count} tasks failed`);
  return queue.completed_count;
}
