import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { Group } from "./group.ts";
import { residentMb, zombiesOf } from "./process.ts";
import { stateOf, until } from "./state.ts";
import { percentile } from "./statistics.ts";

const reloadsPerSecond = 250;

const taskSchema = Type.Object({ task_id: Type.String(), status: Type.String(), result: Type.Unknown() });
const handlerSchema = Type.Object({ generation: Type.Integer() });

/** How long a saved file takes to serve, and whether anything is left after many. */
export const reload: Group = {
  name: "reload",
  title: `Reload of one file, ${reloadsPerSecond} times for each of --seconds, 2 workers`,
  isExtra: true,
  figures: [
    { id: "p50", title: "file saved to the end of a task on the new code, p50", unit: "ms", goal: 1_000 },
    { id: "p99", title: "file saved to the end of a task on the new code, p99", unit: "ms" },
    { id: "before", title: "memory of the server after the first fifth", unit: "MB" },
    { id: "after", title: "memory of the server at the end", unit: "MB" },
    { id: "zombies", title: "dead processes that nobody buried", unit: "count", goal: 0 },
  ],
  ratios: [{ title: "memory at the end / after the first fifth", of: "after", to: "before" }],

  async measure({ stage, seconds, say }) {
    const folder = stage.folder();
    const tasksDir = join(folder, "tasks");
    mkdirSync(tasksDir);
    save(tasksDir, 0);
    const server = await stage.startTaskflow(folder, { TASKFLOW_TASKS_DIR: tasksDir, TASKFLOW_NUM_WORKERS: "2" });
    const reloads = Math.ceil(seconds * reloadsPerSecond);
    say(`${reloads} reloads`);
    const times: number[] = [];
    let before: number | null = null;
    for (let n = 1; n <= reloads; n++) {
      const generation = await generationOf(server.url);
      const savedAt = performance.now();
      save(tasksDir, n);
      await until("a reload", async () => (await generationOf(server.url)) > generation, { everyMs: 3 });
      const result = await run(server.url);
      times.push(performance.now() - savedAt);
      if (result !== n) throw new Error(`version ${n} was saved and serves, but a task of it gave ${String(result)}`);
      if (n >= reloads / 5) before ??= residentMb(server.pid);
    }
    await until("the end of the former workers", async () => (await stateOf(server.url)).workers.pool.length === 2);
    const after = residentMb(server.pid);
    const zombies = zombiesOf(server.pid);
    await server.stop();
    return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), before: before ?? after, after, zombies };
  },
};

/** As editors do: whoever looks sees the former file or the new one. */
function save(tasksDir: string, version: number): void {
  const path = join(tasksDir, "version.ts");
  writeFileSync(`${path}.tmp`, `export default () => ${version};\n`);
  renameSync(`${path}.tmp`, path);
}

async function generationOf(url: string): Promise<number> {
  return Value.Parse(handlerSchema, await (await fetch(`${url}/api/v1/handlers/version`)).json()).generation;
}

/** What a task returns. */
async function run(url: string): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ func_name: "version" });
  let task = Value.Parse(
    taskSchema,
    await (await fetch(`${url}/api/v1/tasks`, { method: "POST", headers, body })).json(),
  );
  const isDone = async () => {
    task = Value.Parse(taskSchema, await (await fetch(`${url}/api/v1/tasks/${task.task_id}`)).json());
    return task.status === "completed";
  };
  await until("a task", isDone, { everyMs: 3 });
  return task.result;
}
