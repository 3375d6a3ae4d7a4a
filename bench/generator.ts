import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import { type Answer, answerSchema, type InsertJob, type LatencyJob, type LoadJob, type LoadResult } from "./job.ts";

/** The load generator: a process of its own, so that it shares no event loop with what it measures. */
export interface Generator {
  load(job: Omit<LoadJob, "kind">): Promise<LoadResult>;
  /** Milliseconds, one number a sample. */
  latency(job: Omit<LatencyJob, "kind">): Promise<readonly number[]>;
  /** The rows per second that SQLite alone takes in this process. */
  insert(job: Omit<InsertJob, "kind">): Promise<number>;
  /** The share of one core that it used on average while it put load on a server. */
  readonly cpuShare: number;
  stop(): void;
}

/** How long it may take beyond what a job asks for before it counts as stuck. */
const patienceMs = 60_000;

export function startGenerator(): Generator {
  let waiting: PromiseWithResolvers<Answer> | null = null;
  let loadCpuMs = 0;
  let loadMs = 0;

  const child = Bun.spawn([process.execPath, join(import.meta.dir, "generator-child.ts")], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (message: unknown) => waiting?.resolve(Value.Parse(answerSchema, message)),
    onExit: () => waiting?.reject(new Error("the load generator ended")),
  });

  async function ask(job: LoadJob | LatencyJob | InsertJob): Promise<Exclude<Answer, { kind: "failed" }>> {
    waiting = Promise.withResolvers<Answer>();
    const { reject, promise } = waiting;
    const timer = setTimeout(() => reject(new Error("the load generator does not come to an end")), patienceMs);
    child.send(job);
    const answer = await promise.finally(() => clearTimeout(timer));
    if (answer.kind === "failed") throw new Error(answer.message);
    return answer;
  }

  return {
    async load(job) {
      const answer = await ask({ kind: "load", ...job });
      if (answer.kind !== "load") throw new Error("the load generator answered something else");
      loadCpuMs += answer.cpuMs;
      loadMs += answer.result.elapsedMs;
      return answer.result;
    },
    async latency(job) {
      const answer = await ask({ kind: "latency", ...job });
      if (answer.kind !== "latency") throw new Error("the load generator answered something else");
      return answer.result;
    },
    async insert(job) {
      const answer = await ask({ kind: "insert", ...job });
      if (answer.kind !== "insert") throw new Error("the load generator answered something else");
      return answer.rowsPerSecond;
    },
    get cpuShare() {
      return loadMs === 0 ? 0 : loadCpuMs / loadMs;
    },
    stop: () => child.kill("SIGKILL"),
  };
}
