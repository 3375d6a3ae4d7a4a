import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { connect } from "../support/client.ts";
import { startServer, workersOf } from "../support/server.ts";
import { createGate } from "./gate.ts";

setDefaultTimeout(30_000);

const suspendedMs = 2_000;

test("a server that was suspended fires nothing early, times nothing out that ended in time, and kills no worker", async () => {
  await using gate = createGate();
  await using server = await startServer({
    tasksDir: join(import.meta.dir, "tasks"),
    env: { TASKFLOW_NUM_WORKERS: "3", TASKFLOW_CONCURRENCY: "2" },
  });
  using client = await connect(server.url);
  const ends = await client.submit({ func_name: "held", kwargs: { url: gate.url }, timeout: 1 });
  await gate.arrived();
  const during = await client.submit({ func_name: "echo", delay: 0.5 });
  const after = await client.submit({ func_name: "echo", delay: suspendedMs / 1_000 + 1 });
  const workers = workersOf(server.pid);

  server.signal("SIGSTOP");
  gate.open();
  await Bun.sleep(suspendedMs);
  server.signal("SIGCONT");

  expect(await client.final(ends.task_id)).toMatchObject({ status: "completed", result: "let go" });
  for (const { task_id } of [during, after]) {
    const { status, run_at, started_at } = await client.final(task_id);
    expect(status).toBe("completed");
    expect(Date.parse(started_at ?? "")).toBeGreaterThanOrEqual(Date.parse(run_at));
  }
  for (const { task_id } of [ends, during, after]) {
    const attempts = await (await client.get(`/api/v1/tasks/${task_id}/attempts`)).json();
    expect(attempts).toMatchObject([{ number: 1, outcome: "completed" }]);
  }
  expect(workersOf(server.pid)).toEqual(workers);
  expect(server.entries.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
});

test("what runs over its time while the server is suspended is timed out when it wakes", async () => {
  await using gate = createGate();
  await using server = await startServer({ tasksDir: join(import.meta.dir, "tasks") });
  using client = await connect(server.url);
  const task = await client.submit({ func_name: "held", kwargs: { url: gate.url }, timeout: 0.2 });
  await gate.arrived();
  server.signal("SIGSTOP");
  await Bun.sleep(500);
  server.signal("SIGCONT");
  expect(await client.final(task.task_id)).toMatchObject({ status: "failed", error_kind: "timeout" });
});
