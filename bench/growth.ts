import { completedCount } from "./completion.ts";
import type { Group } from "./group.ts";
import { residentMb } from "./process.ts";
import type { Server } from "./server.ts";
import type { Stage } from "./stage.ts";

const million = 1_000_000;
const batchSize = 500;

/** The stores that are compared: one with a million tasks that wait, and one that was just made. */
type Store = "full" | "empty";

/** What is measured without workers, by the load that does it. */
const loads = {
  submit: { title: "Submissions, one request each", path: "/api/v1/tasks", bodies: ['{"func_name":"noop"}'] },
  list: { title: "GET /api/v1/tasks", path: "/api/v1/tasks", bodies: [] },
  metrics: { title: "GET /api/v1/metrics", path: "/api/v1/metrics", bodies: [] },
} as const;
const rates = [
  ...Object.entries(loads).map(([id, { title }]) => ({ id, title })),
  { id: "dispatch", title: "Dispatch to completion, 4 workers" },
];

/** Whether anything becomes slower as tasks gather. */
export const growth: Group = {
  name: "growth",
  title: `With ${million.toLocaleString("en")} tasks waiting, and with an empty store`,
  figures: [
    ...rates.flatMap(({ id, title }) => [
      { id: `${id}Full`, title: `${title}, a million`, unit: "per second" as const },
      { id: `${id}Empty`, title: `${title}, empty`, unit: "per second" as const },
    ]),
    { id: "start", title: "Start, a million: until it is ready", unit: "ms", goal: 3_000 },
    { id: "rss", title: "The server's memory (RSS), a million", unit: "MB", goal: 300 },
  ],
  ratios: rates.map(({ id, title }) => ({ title: `${title}: ratio`, of: `${id}Full`, to: `${id}Empty`, goal: 0.9 })),

  async measure({ stage, round, seconds, say }) {
    const full = await fullFolder(stage, say);
    const order: readonly Store[] = round % 2 === 0 ? ["full", "empty"] : ["empty", "full"];
    say("without workers");
    const { start, rss, ...held } = await withoutWorkers(stage, full, order, seconds);
    const sample: Record<string, number> = { start, ...held };
    let mostRss = rss;
    for (const store of order) {
      say(`dispatch, ${store}`);
      const folder = store === "full" ? full : await folderWith(Math.ceil((seconds + 1) * mostPerSecond), stage);
      const dispatched = await dispatch(stage, folder, seconds * 1_000);
      sample[figureId("dispatch", store)] = dispatched.perSecond;
      if (store === "full") mostRss = Math.max(mostRss, dispatched.rss);
    }
    return { ...sample, rss: mostRss };
  },
};

function figureId(rate: string, store: Store): string {
  return rate + (store === "full" ? "Full" : "Empty");
}

let made: { readonly stage: Stage; readonly folder: string } | null = null;

/** The folder with the million, made once for all rounds: what they add and run of it does not count beside it. */
async function fullFolder(stage: Stage, say: (text: string) => void): Promise<string> {
  if (made?.stage !== stage) made = { stage, folder: await folderWith(million, stage, say) };
  return made.folder;
}

/** A folder with a database in which so many tasks wait. */
async function folderWith(tasks: number, stage: Stage, say?: (text: string) => void): Promise<string> {
  const folder = stage.folder();
  const server = await stage.startTaskflow(folder, { TASKFLOW_NUM_WORKERS: "0" });
  const body = JSON.stringify({ tasks: Array(batchSize).fill({ func_name: "noop" }) });
  const steps = say === undefined ? 1 : 10;
  for (let step = 0; step < steps; step++) {
    say?.(`making ${tasks.toLocaleString("en")} tasks: ${(step / steps) * 100} %`);
    const requests = Math.ceil(tasks / steps / batchSize);
    const load = { path: "/api/v1/tasks/batch", bodies: [body], connections: 2, until: { requests } };
    await stage.generator.load({ url: server.url, ...load });
  }
  await server.stop();
  return folder;
}

async function withoutWorkers(stage: Stage, full: string, order: readonly Store[], seconds: number) {
  const settings = { TASKFLOW_NUM_WORKERS: "0" };
  const startedAt = performance.now();
  const fullServer = await stage.startTaskflow(full, settings);
  const start = performance.now() - startedAt;
  const servers = { full: fullServer, empty: await stage.startTaskflow(stage.folder(), settings) };
  const sample: Record<string, number> = {};
  for (const [id, { path, bodies }] of Object.entries(loads)) {
    const load = { path, bodies: [...bodies], connections: 64 };
    for (const store of order)
      await stage.generator.load({ url: servers[store].url, ...load, until: { ms: warmUpMs } });
    for (const store of order) {
      const { url } = servers[store];
      const { answered, elapsedMs } = await stage.generator.load({ url, ...load, until: { ms: seconds * 1_000 } });
      sample[figureId(id, store)] = (answered / elapsedMs) * 1_000;
    }
  }
  const rss = residentMb(fullServer.pid);
  await Promise.all([servers.full.stop(), servers.empty.stop()]);
  return { ...sample, start, rss };
}

/** How fast a server works off what waits in `folder`, once its workers are warm. */
async function dispatch(stage: Stage, folder: string, ms: number) {
  const server = await stage.startTaskflow(folder, { TASKFLOW_NUM_WORKERS: "4" });
  await Bun.sleep(warmUpMs);
  const before = await completedAt(server);
  await Bun.sleep(ms);
  const after = await completedAt(server);
  const rss = residentMb(server.pid);
  await server.stop();
  return { perSecond: ((after.completed - before.completed) / (after.at - before.at)) * 1_000, rss };
}

async function completedAt({ url }: Server) {
  return { completed: await completedCount(url), at: performance.now() };
}

/** Sizes the backlog of the store that is empty otherwise: it must not run out. */
const mostPerSecond = 30_000;
/** Long enough for the just-in-time compiler. */
const warmUpMs = 500;
