import type { Group } from "./group.ts";
import type { LatencyJob } from "./job.ts";
import { percentile } from "./statistics.ts";

/** What one task takes when there is no other, and what a request takes that does nothing. */
export const lowLoad: Group = {
  name: "latency",
  title: "Latency of one task at a time, 15 to 45 ms apart, 4 workers",
  figures: [
    { id: "p50", title: "POST sent to task_completed on a WebSocket, p50", unit: "ms", goal: 1.5 },
    { id: "p99", title: "POST sent to task_completed on a WebSocket, p99", unit: "ms", goal: 8 },
    { id: "bare50", title: "POST sent to reply of bare Elysia, p50", unit: "ms" },
    { id: "bare99", title: "POST sent to reply of bare Elysia, p99", unit: "ms" },
  ],
  ratios: [],

  async measure({ stage, seconds, say }) {
    const [taskflow, bare] = await Promise.all([
      stage.startTaskflow(stage.folder(), { TASKFLOW_NUM_WORKERS: "4" }),
      stage.startBare(),
    ]);
    const probe = (url: string, until: LatencyJob["until"], body: object, samples: number) =>
      stage.generator.latency({ url, until, body: JSON.stringify(body), samples, idleMs: { min: 15, max: 45 } });

    const samples = Math.ceil(seconds * samplesPerSecond);
    await probe(taskflow.url, "completed", noop, warmUpSamples);
    say("TaskFlow");
    const full = await probe(taskflow.url, "completed", noop, samples);
    say("bare Elysia");
    await probe(bare.url, "answered", sum, warmUpSamples);
    const floor = await probe(bare.url, "answered", sum, Math.ceil(samples / 2));
    await Promise.all([taskflow.stop(), bare.stop()]);
    return {
      p50: percentile(full, 0.5),
      p99: percentile(full, 0.99),
      bare50: percentile(floor, 0.5),
      bare99: percentile(floor, 0.99),
    };
  },
};

const noop = { func_name: "noop" };
const sum = { func_name: "add_numbers", kwargs: { a: 5, b: 3 } };
/** Sizes the measurement. */
const samplesPerSecond = 60;
const warmUpSamples = 20;
