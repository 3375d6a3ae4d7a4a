import { Value } from "@sinclair/typebox/value";
import { insertRows } from "./insert.ts";
import { type Answer, jobSchema } from "./job.ts";
import { probeLatency } from "./latency.ts";
import { runLoad } from "./load.ts";

process.on("message", async (message: unknown) => {
  const answer = await answerTo(message).catch(
    (error: unknown): Answer => ({ kind: "failed", message: error instanceof Error ? error.message : String(error) }),
  );
  process.send?.(answer);
});
// Whoever started this process is gone.
process.on("disconnect", () => process.exit());

async function answerTo(message: unknown): Promise<Answer> {
  const job = Value.Parse(jobSchema, message);
  const before = process.cpuUsage();
  const cpuMs = () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  switch (job.kind) {
    case "load":
      return { kind: job.kind, result: await runLoad(job), cpuMs: cpuMs() };
    case "latency":
      return { kind: job.kind, result: await probeLatency(job) };
    case "insert":
      return { kind: job.kind, rowsPerSecond: insertRows(job) };
    default:
      return job satisfies never;
  }
}
