import { completed, completedCount } from "./completion.ts";
import type { Group } from "./group.ts";

const backlog = 20_000;
const batchSize = 500;

/** How fast a server that finds a backlog at its start works it off. */
export const drain: Group = {
  name: "drain",
  title: `Drain of ${backlog.toLocaleString("en")} no-op tasks that wait at the start, 4 workers`,
  figures: [{ id: "drained", title: "from the first answer of the server on", unit: "per second", goal: 22_000 }],
  ratios: [],

  async measure({ stage, say }) {
    const folder = stage.folder();
    say("filling the backlog");
    const holding = await stage.startTaskflow(folder, { TASKFLOW_NUM_WORKERS: "0" });
    await stage.generator.load({
      url: holding.url,
      path: "/api/v1/tasks/batch",
      bodies: [JSON.stringify({ tasks: Array(batchSize).fill({ func_name: "noop" }) })],
      connections: 2,
      until: { requests: backlog / batchSize },
    });
    await holding.stop();

    say("draining");
    const server = await stage.startTaskflow(folder, { TASKFLOW_NUM_WORKERS: "4" });
    const before = await completedCount(server.url);
    const startedAt = performance.now();
    await completed(server.url, backlog);
    const elapsedMs = performance.now() - startedAt;
    await server.stop();
    return { drained: ((backlog - before) / elapsedMs) * 1_000 };
  },
};
