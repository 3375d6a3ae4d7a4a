import type { Group } from "./group.ts";
import { sum } from "./sum.ts";

/** Tasks accepted durably, one request each, against the same request on Elysia alone. Nothing runs the tasks. */
export const submit: Group = {
  name: "submit",
  title: "Durable submissions, one request each (POST /api/v1/tasks)",
  figures: [
    { id: "taskflow64", title: "TaskFlow, 64 connections", unit: "per second" },
    { id: "bare64", title: "bare Elysia, 64 connections", unit: "per second" },
    { id: "taskflow256", title: "TaskFlow, 256 connections", unit: "per second" },
    { id: "bare256", title: "bare Elysia, 256 connections", unit: "per second" },
  ],
  ratios: [
    { title: "TaskFlow / bare, 64", of: "taskflow64", to: "bare64", goal: 0.85 },
    { title: "TaskFlow / bare, 256", of: "taskflow256", to: "bare256", goal: 0.85 },
  ],

  async measure({ stage, round, seconds, say }) {
    const [taskflow, bare] = await Promise.all([
      stage.startTaskflow(stage.folder(), { TASKFLOW_NUM_WORKERS: "0" }),
      stage.startBare(),
    ]);
    const contestants = [
      { name: "taskflow", url: taskflow.url },
      { name: "bare", url: bare.url },
    ];
    // Whoever goes first goes second in the next round.
    if (round % 2 === 1) contestants.reverse();

    const rate = async (url: string, connections: number, ms: number) => {
      const { answered, elapsedMs } = await stage.generator.load({ url, ...submission, connections, until: { ms } });
      return (answered / elapsedMs) * 1_000;
    };

    for (const { url } of contestants) await rate(url, 64, warmUpMs);
    const sample: Record<string, number> = {};
    for (const connections of [64, 256]) {
      for (const { name, url } of contestants) {
        say(`${name}, ${connections} connections`);
        sample[`${name}${connections}`] = await rate(url, connections, seconds * 1_000);
      }
    }
    await Promise.all([taskflow.stop(), bare.stop()]);
    return sample;
  },
};

const submission = { path: "/api/v1/tasks", bodies: [JSON.stringify(sum)] };

/** Long enough for the just-in-time compiler. */
const warmUpMs = 1_000;
