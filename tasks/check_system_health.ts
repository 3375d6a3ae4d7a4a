import fs from "node:fs/promises";
import os from "node:os";
import { defineTask, t } from "taskflow";
import { dataDirectory } from "./_data-directory.ts";
import { askServer } from "./_server.ts";

/** Below this share of memory or disk space, and above this load for each CPU, the machine is degraded. */
const leastFree = 0.1;
const mostLoad = 2;

export default defineTask({
  description: "Look at the machine and the server: memory, load, disk space of the data directory, uptime, health",
  input: t.Object({}),
  timeout: 30,
  async run(_, ctx) {
    const checks = {
      memory: memory(),
      load: load(),
      disk: await orWarning(disk()),
      server: await orWarning(server(ctx.signal)),
      uptime: { status: "ok", system_seconds: os.uptime(), worker_seconds: process.uptime() },
      runtime: { status: "ok", bun: Bun.version, platform: process.platform, arch: process.arch },
    } satisfies Record<string, Check>;
    ctx.signal.throwIfAborted();
    const degraded = Object.values(checks).some(({ status }) => status === "warning");
    return { status: degraded ? "degraded" : "healthy", checks };
  },
});

interface Check {
  /** `unknown` is what cannot be read here, for the `reason` given: it counts neither way. */
  readonly status: "ok" | "warning" | "unknown";
  readonly [figure: string]: unknown;
}

/** The container's memory where it has less than the machine. */
function memory(): Check {
  const total = Math.min(process.constrainedMemory() || os.totalmem(), os.totalmem());
  const available = process.availableMemory();
  const status = available < total * leastFree ? "warning" : "ok";
  return { status, total_bytes: total, available_bytes: available, worker_bytes: process.memoryUsage.rss() };
}

function load(): Check {
  if (process.platform === "win32") return { status: "unknown", reason: "Windows has no load average" };
  const [one = 0, five = 0, fifteen = 0] = os.loadavg();
  const cpus = os.availableParallelism();
  return { status: five > cpus * mostLoad ? "warning" : "ok", cpus, averages: [one, five, fifteen] };
}

async function disk(): Promise<Check> {
  if (!process.env.TASKFLOW_DATA_DIR) return { status: "unknown", reason: "TASKFLOW_DATA_DIR is not set" };
  const { bsize, blocks, bavail } = await fs.statfs(await dataDirectory());
  const status = bavail < blocks * leastFree ? "warning" : "ok";
  return { status, total_bytes: blocks * bsize, available_bytes: bavail * bsize };
}

const healthShape = t.Object({ status: t.String(), reason: t.Optional(t.Union([t.String(), t.Null()])) });

async function server(signal: AbortSignal): Promise<Check> {
  if (!process.env.TASKFLOW_URL) return { status: "unknown", reason: "TASKFLOW_URL is not set" };
  const { status: health, reason = null } = await askServer("/health", healthShape, signal);
  return { status: health === "healthy" ? "ok" : "warning", health, reason };
}

/** What should be there and does not answer is a finding, not a failure of the look-out for it. */
async function orWarning(check: Promise<Check>): Promise<Check> {
  try {
    return await check;
  } catch (error) {
    return { status: "warning", reason: error instanceof Error ? error.message : String(error) };
  }
}
