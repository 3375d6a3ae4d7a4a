import { join } from "node:path";
import type { Group } from "./group.ts";
import { sum } from "./sum.ts";

const batchSize = 500;

/** Tasks accepted durably, many in one request, against the same rows in SQLite alone. Nothing runs the tasks. */
export const batch: Group = {
  name: "batch",
  title: `Durable submissions, ${batchSize} in one request (POST /api/v1/tasks/batch)`,
  figures: [
    { id: "taskflow", title: "TaskFlow, tasks, 2 connections", unit: "per second" },
    { id: "sqlite", title: "SQLite alone, a prepared insert in one transaction", unit: "per second" },
  ],
  ratios: [{ title: "TaskFlow / SQLite alone", of: "taskflow", to: "sqlite", goal: 0.5 }],

  async measure({ stage, round, seconds, say }) {
    const server = await stage.startTaskflow(stage.folder(), { TASKFLOW_NUM_WORKERS: "0" });

    async function taskflow(ms: number): Promise<number> {
      const load = { url: server.url, ...submission, connections: 2, until: { ms } };
      const { answered, elapsedMs } = await stage.generator.load(load);
      return ((answered * batchSize) / elapsedMs) * 1_000;
    }

    function sqlite(ms: number): Promise<number> {
      return stage.generator.insert({ file: join(stage.folder(), "insert.db"), rows: batchSize, ms });
    }

    const contestants = { taskflow, sqlite };
    const names = round % 2 === 0 ? (["taskflow", "sqlite"] as const) : (["sqlite", "taskflow"] as const);
    for (const name of names) await contestants[name](warmUpMs);
    const sample = { taskflow: 0, sqlite: 0 };
    for (const name of names) {
      say(name);
      sample[name] = await contestants[name](seconds * 1_000);
    }
    await server.stop();
    return sample;
  },
};

const submission = {
  path: "/api/v1/tasks/batch",
  bodies: [JSON.stringify({ tasks: Array(batchSize).fill(sum) })],
};

/** Long enough for the just-in-time compiler. */
const warmUpMs = 1_000;
