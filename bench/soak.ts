import { join } from "node:path";
import type { Group } from "./group.ts";
import { residentMb, zombiesOf } from "./process.ts";
import { stateOf, until } from "./state.ts";

const tasksPerSecond = 5_000;
const batchSize = 500;
/** One in so many tasks misbehaves. */
const oneIn = 20;
const patienceMs = 1_800_000;

/** How tasks of these handlers end: completed, failed, or failed after an end by force with its cause. */
const ends: Readonly<Record<string, "completed" | "failed" | "timeout" | "crashed" | "memory">> = {
  noop: "completed",
  exits_later: "completed",
  floods_log: "completed",
  leaves_a_process: "completed",
  throws: "failed",
  loops: "timeout",
  blocks: "timeout",
  never_settles: "timeout",
  exits: "crashed",
  kills_itself: "crashed",
  grows: "memory",
};
const misdeeds = Object.keys(ends).filter((name) => name !== "noop");

/** Whether the counts agree and nothing is left after many tasks of which some misbehave. */
export const soak: Group = {
  name: "soak",
  title: `Soak: ${tasksPerSecond} tasks for each of --seconds, one in ${oneIn} misbehaves, 4 workers`,
  isExtra: true,
  figures: [
    { id: "rate", title: "tasks brought to their end, all as they should", unit: "per second" },
    { id: "before", title: "memory of the server after the first fifth", unit: "MB" },
    { id: "after", title: "memory of the server at the end", unit: "MB" },
    { id: "zombies", title: "dead processes that nobody buried", unit: "count", goal: 0 },
    { id: "answer", title: "the slowest answer of the API meanwhile", unit: "ms" },
  ],
  ratios: [{ title: "memory at the end / after the first fifth", of: "after", to: "before" }],

  async measure({ stage, seconds, say }) {
    const server = await stage.startTaskflow(stage.folder(), {
      TASKFLOW_TASKS_DIR: join(import.meta.dir, "misdeeds"),
      TASKFLOW_NUM_WORKERS: "4",
      TASKFLOW_KILL_GRACE: "0.1",
      TASKFLOW_WORKER_MEMORY_MB: "192",
    });
    const names = Array.from({ length: Math.ceil((seconds * tasksPerSecond) / batchSize) * batchSize }, anyName);
    const batches = names.flatMap((_, index) =>
      index % batchSize === 0 ? [names.slice(index, index + batchSize)] : [],
    );
    say(`${names.length} tasks`);
    const startedAt = performance.now();
    await stage.generator.load({
      url: server.url,
      path: "/api/v1/tasks/batch",
      bodies: batches.map((batch) => JSON.stringify({ tasks: batch.map(taskOf) })),
      connections: 1,
      until: { requests: batches.length },
    });
    let before: number | null = null;
    let answer = 0;
    const isReached = async () => {
      const askedAt = performance.now();
      const { queue } = await stateOf(server.url);
      answer = Math.max(answer, performance.now() - askedAt);
      const ended = queue.completed_count + queue.failed_count + queue.cancelled_count;
      if (ended >= names.length / 5) before ??= residentMb(server.pid);
      return ended >= names.length;
    };
    await until("the end of all tasks", isReached, { patienceMs });
    const elapsedMs = performance.now() - startedAt;
    const after = residentMb(server.pid);
    await compare(server.url, names);
    await until("all workers", async () =>
      (await stateOf(server.url)).workers.pool.every(({ state }) => state === "idle"),
    );
    const zombies = zombiesOf(server.pid);
    await server.stop();
    return { rate: (names.length / elapsedMs) * 1_000, before: before ?? after, after, zombies, answer };
  },
};

function anyName(): string {
  if (Math.random() * oneIn >= 1) return "noop";
  return misdeeds[Math.floor(Math.random() * misdeeds.length)] ?? "noop";
}

function taskOf(name: string) {
  return { func_name: name, max_retries: 0, ...(ends[name] === "timeout" ? { timeout: 0.1 } : {}) };
}

/** @throws Error when the server counted otherwise than was submitted. */
async function compare(url: string, names: readonly string[]): Promise<void> {
  const { queue, workers } = await stateOf(url);
  const expected = (end: string) => names.filter((name) => ends[name] === end).length;
  const forced = ["timeout", "crashed", "memory"];
  const failed = ["failed", ...forced].reduce((sum, end) => sum + expected(end), 0);
  const counted = { total: queue.total_enqueued, completed: queue.completed_count, failed: queue.failed_count };
  const faults = [
    ...difference("total", counted.total, names.length),
    ...difference("completed", counted.completed, expected("completed")),
    ...difference("failed", counted.failed, failed),
    ...forced.flatMap((cause) => difference(cause, workers.kills[cause] ?? 0, expected(cause))),
  ];
  if (faults.length > 0) throw new Error(`the counts do not agree: ${faults.join(", ")}`);
}

function difference(what: string, counted: number, expected: number): string[] {
  return counted === expected ? [] : [`${what} ${counted} instead of ${expected}`];
}
