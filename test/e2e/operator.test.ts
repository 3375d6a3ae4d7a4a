import { expect, setDefaultTimeout, test } from "bun:test";
import { createGate } from "./gate.ts";
import { eventually, watch } from "./watched.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

test("/health and the metrics tell of each worker what it does, and /api/v1/handlers which code serves", async () => {
  await using gate = createGate();
  await using watched = await watch({ env: { TASKFLOW_NUM_WORKERS: "1", TASKFLOW_CONCURRENCY: "2" } });
  const { begin, client } = watched;
  const get = async (path: string) => (await client.get(path)).json();
  const task = await begin("held", { url: gate.url });
  await eventually(async () => (await get("/health")).workers.pool[0].rss_bytes > 2 ** 20, true);
  const worker = {
    id: "w1",
    pid: expect.any(Number),
    state: "busy",
    tasks: [task.task_id],
    attempts: 1,
    rss_bytes: expect.any(Number),
    memory_guard: expect.stringMatching(/^(cgroup|rss)$/),
    generation: 1,
    age: expect.any(Number),
  };
  for (const path of ["/health", "/api/v1/metrics"]) {
    expect((await get(path)).workers).toMatchObject({ num_workers: 1, slots: 2, pool: [worker] });
  }
  expect(await get("/api/v1/handlers/held")).toMatchObject({ generation: 1, serving_generation: 1 });
  gate.open();
});

test("the metrics count what was killed by cause, and results that came too late", async () => {
  await using gate = createGate();
  await using watched = await watch({ env: { TASKFLOW_NUM_WORKERS: "1", TASKFLOW_CONCURRENCY: "2" } });
  const { begin, client, kills } = watched;
  const discarded = async () => (await (await client.get("/api/v1/metrics")).json()).queue.discarded_results;
  // Someone beside it keeps their worker from its end.
  const beside = await begin("waits_for_abort");
  const late = await begin("held", { url: gate.url }, { timeout: 0.2 });
  expect(await client.final(late.task_id)).toMatchObject({ status: "failed", error_kind: "timeout" });
  expect(await discarded()).toBe(0);
  gate.open();
  await eventually(discarded, 1);
  await client.post(`/api/v1/tasks/${beside.task_id}/cancel`);
  expect(await client.final(beside.task_id)).toMatchObject({ status: "cancelled" });
  expect(await client.final(late.task_id)).toMatchObject({ status: "failed", error_kind: "timeout", result: null });
  // The other one heeded its abort.
  expect(await kills()).toEqual({ timeout: 1 });
  await watched.recovers();
});
