import { completed } from "./completion.ts";
import type { Group } from "./group.ts";
import type { Stage } from "./stage.ts";

/** From the first submission to the last completion of tasks that do nothing, one request each. */
export const endToEnd: Group = {
  name: "e2e",
  title: "Submitted to completed, no-op tasks, one request each, 64 connections",
  figures: [
    { id: "workers4", title: "4 workers (the default)", unit: "per second", goal: 10_000 },
    { id: "workers2", title: "2 workers", unit: "per second" },
  ],
  ratios: [{ title: "4 workers / 2 workers", of: "workers4", to: "workers2" }],

  async measure({ stage, round, seconds, say }) {
    const counts = round % 2 === 0 ? [4, 2] : [2, 4];
    const sample: Record<string, number> = {};
    for (const workers of counts) {
      say(`${workers} workers`);
      sample[`workers${workers}`] = await rate(stage, workers, seconds);
    }
    return sample;
  },
};

/** Long enough for the just-in-time compiler; they also tell how many tasks fill the time. */
const warmUpTasks = 3_000;

async function rate(stage: Stage, workers: number, seconds: number): Promise<number> {
  const server = await stage.startTaskflow(stage.folder(), { TASKFLOW_NUM_WORKERS: String(workers) });
  const { url } = server;

  async function run(tasks: number, before: number): Promise<number> {
    const startedAt = performance.now();
    await stage.generator.load({ url, ...submission, connections: 64, until: { requests: tasks } });
    await completed(url, before + tasks);
    return (tasks / (performance.now() - startedAt)) * 1_000;
  }

  const tasks = Math.ceil(seconds * (await run(warmUpTasks, 0)));
  const perSecond = await run(tasks, warmUpTasks);
  await server.stop();
  return perSecond;
}

const submission = { path: "/api/v1/tasks", bodies: [JSON.stringify({ func_name: "noop" })] };
