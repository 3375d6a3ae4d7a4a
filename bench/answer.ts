import { join } from "node:path";
import type { Group } from "./group.ts";
import type { Stage } from "./stage.ts";
import { stateOf, until } from "./state.ts";
import { percentile } from "./statistics.ts";

const samplesPerSecond = 200;
const idleMs = 2;

/** Tasks that keep all four workers at it, and go on for as long as it takes. */
const misdeeds = {
  idle: null,
  loops: { func_name: "loops", timeout: 600 },
  blocks: { func_name: "blocks", timeout: 600 },
  crashes: { func_name: "kills_itself", max_retries: 0 },
} as const;
type Misdeed = keyof typeof misdeeds;

const names = Object.keys(misdeeds) as Misdeed[];

/** How fast the API answers while every worker misbehaves. */
export const answer: Group = {
  name: "answer",
  title: "Answers of GET /api/v1/tasks while all of 4 workers misbehave, one request at a time",
  isExtra: true,
  figures: names.flatMap((name) => [
    { id: `${name}50`, title: `${titles(name)}, p50`, unit: "ms" },
    { id: `${name}99`, title: `${titles(name)}, p99`, unit: "ms" },
  ]),
  ratios: names
    .filter((name) => name !== "idle")
    .map((name) => ({ title: `p99, ${titles(name)} / idle`, of: `${name}99`, to: "idle99" })),

  async measure({ stage, seconds, say }) {
    const sample: Record<string, number> = {};
    for (const name of names) {
      say(titles(name));
      const times = await timesUnder(name, stage, Math.ceil(seconds * samplesPerSecond));
      sample[`${name}50`] = percentile(times, 0.5);
      sample[`${name}99`] = percentile(times, 0.99);
    }
    return sample;
  },
};

function titles(name: Misdeed): string {
  return { idle: "idle", loops: "they loop", blocks: "they block", crashes: "they crash" }[name];
}

async function timesUnder(name: Misdeed, stage: Stage, samples: number): Promise<number[]> {
  const server = await stage.startTaskflow(stage.folder(), {
    TASKFLOW_TASKS_DIR: join(import.meta.dir, "misdeeds"),
    TASKFLOW_NUM_WORKERS: "4",
    TASKFLOW_SHUTDOWN_GRACE: "0",
    TASKFLOW_KILL_GRACE: "0.1",
  });
  const pool = async () => (await stateOf(server.url)).workers.pool;
  await until("the workers", async () => (await pool()).every(({ state }) => state === "idle"));
  await timesOf(server.url, warmUpSamples);
  await begin(server.url, name);
  const times = await timesOf(server.url, samples);
  await server.stop();
  return times;
}

/** Milliseconds that each of so many answers took. */
async function timesOf(url: string, samples: number): Promise<number[]> {
  const times: number[] = [];
  while (times.length < samples) {
    await Bun.sleep(idleMs);
    const askedAt = performance.now();
    const response = await fetch(`${url}/api/v1/tasks?limit=1`);
    await response.text();
    times.push(performance.now() - askedAt);
    if (response.status !== 200) throw new Error(`it was answered by ${response.status}`);
  }
  return times;
}

/** Enough of them to have all workers at it until the end. */
async function begin(url: string, name: Misdeed): Promise<void> {
  const task = misdeeds[name];
  if (task === null) return;
  const tasks = Array(name === "crashes" ? mostCrashes : 4).fill(task);
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/api/v1/tasks/batch`, {
    method: "POST",
    headers,
    body: JSON.stringify({ tasks }),
  });
  if (!response.ok) throw new Error(`the tasks were answered by ${response.status}`);
  if (name === "crashes") return;
  const isBusy = async () => (await stateOf(url)).workers.pool.filter(({ state }) => state === "busy").length === 4;
  await until("the tasks", isBusy);
}

/** Long enough for the just-in-time compiler. */
const warmUpSamples = 300;
const mostCrashes = 1_000;
