import { expect, setDefaultTimeout, test } from "bun:test";
import { residentBytes, watch } from "./watched.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

test.each([
  ["fast", { stepMb: 16, pauseMs: 0 }],
  ["slowly", { stepMb: 8, pauseMs: 25 }],
])("a handler whose memory grows %s fails with memory, and the server's stays as it was", async (_how, kwargs) => {
  await using watched = await watch({ env: { TASKFLOW_WORKER_MEMORY_MB: "160" } });
  const { bystander, client, kills, outcomes, recovers, server } = watched;
  await recovers();
  const before = residentBytes(server.pid);
  const task = await watched.begin("grows", kwargs);
  await bystander();
  const error = expect.stringMatching(/^MemoryLimitError: the worker used \d+ MB, more than its 160 MB$/);
  expect(await client.final(task.task_id)).toMatchObject({ status: "failed", error_kind: "memory", error });
  expect(await outcomes(task)).toEqual(["memory"]);
  expect(await kills()).toEqual({ memory: 1 });
  expect(residentBytes(server.pid) - before).toBeLessThan(64 * 2 ** 20);
  await recovers();
});
