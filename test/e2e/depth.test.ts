import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { connect, type WireTask } from "../support/client.ts";
import { startServer } from "../support/server.ts";

// It starts processes, on machines that may be busy.
setDefaultTimeout(60_000);

test("a quick handler that loops for once holds nobody up: what waited behind it runs elsewhere, in its first attempt", async () => {
  await using server = await startServer({
    tasksDir: join(import.meta.dir, "tasks"),
    env: { TASKFLOW_NUM_WORKERS: "2", TASKFLOW_KILL_GRACE: "0.1" },
  });
  using client = await connect(server.url);

  async function submit(...kwargs: readonly object[]): Promise<readonly WireTask[]> {
    const tasks = kwargs.map((one) => ({ func_name: "loops_if_told", kwargs: one }));
    return (await (await client.post("/api/v1/tasks/batch", { tasks })).json()).tasks;
  }

  // After these it is known to be quick.
  for (const { task_id } of await submit(...Array<object>(300).fill({}))) await client.final(task_id);

  const [loops, ...others] = await submit({ loop: true }, ...Array<object>(20).fill({}));
  if (loops === undefined) throw new Error("nothing was submitted");
  await client.event(loops.task_id, ({ type }) => type === "task_started");
  const pids = new Set<unknown>();
  for (const { task_id } of others) {
    const { status, result, retry_count } = await client.final(task_id);
    expect({ status, retry_count }).toEqual({ status: "completed", retry_count: 0 });
    pids.add(result);
    const attempts = await (await client.get(`/api/v1/tasks/${task_id}/attempts`)).json();
    expect(attempts).toMatchObject([{ number: 1, outcome: "completed" }]);
  }
  expect(pids.size).toBe(1);
  expect(await (await client.get(`/api/v1/tasks/${loops.task_id}`)).json()).toMatchObject({ status: "running" });

  await client.post(`/api/v1/tasks/${loops.task_id}/cancel`);
  expect(await client.final(loops.task_id)).toMatchObject({ status: "cancelled" });
});
