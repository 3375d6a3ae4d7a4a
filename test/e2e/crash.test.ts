import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "../support/server.ts";
import { eventually, type Watched, watch } from "./watched.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

describe("a handler that", () => {
  let watched: Watched;
  beforeAll(async () => {
    watched = await watch();
  });
  afterEach(() => watched.recovers());
  afterAll(() => watched?.[Symbol.asyncDispose]());

  const died = "WorkerCrashError: the worker";
  const flooded = `${died} flooded its channel to the server while it ran this task`;

  test.each([
    ["exits", "exits", { code: 3 }, `${died} exited with code 3 while it ran this task`],
    ["exits in a timer", "exits_in_a_timer", {}, `${died} exited with code 5 while it ran this task`],
    ["kills itself", "kills_itself", {}, `${died} was killed by SIGTERM while it ran this task`],
    ["throws in a timer", "throws_in_a_timer", {}, "RangeError: in a timer"],
    [
      "reads where no memory is",
      "crashes",
      {},
      expect.stringMatching(new RegExp(`^${died} (was killed by|exited with)`)),
    ],
    [
      "leaves a process and exits",
      "leaves_a_process",
      { how: "exit" },
      `${died} exited with code 1 while it ran this task`,
    ],
    [
      "closes the channel",
      "closes_channel",
      {},
      expect.stringMatching(new RegExp(`^${died} (closed its channel|exited with)`)),
    ],
    [
      "sends what is no JSON",
      "writes_to_channel",
      { text: "no message" },
      expect.stringMatching(new RegExp(`^${died} `)),
    ],
    [
      "sends what is no message",
      "writes_to_channel",
      { text: '{"type":"ended"}' },
      `${died} sent what is no message while it ran this task`,
    ],
    ["sends answers without end", "floods_channel", { text: '{"type":"pong","id":0}\n' }, flooded],
    ["sends lines without end", "floods_channel", { text: '{"type":"log","id":0,"lines":[]}\n' }, flooded],
  ])("%s has crashed, and others run on", async (_what, name, kwargs, error) => {
    const { bystander, client, kills, outcomes } = watched;
    const before = (await kills()).crashed ?? 0;
    const task = await client.submit({ func_name: name, kwargs, max_retries: 0 });
    await bystander();
    expect(await client.final(task.task_id)).toMatchObject({
      status: "failed",
      error_kind: "crashed",
      error,
      result: null,
    });
    expect(await outcomes(task)).toEqual(["crashed"]);
    expect((await kills()).crashed).toBe(before + 1);
  });

  test("forgets a rejection has crashed, and others run on", async () => {
    const { begin, bystander, client } = watched;
    const task = await begin("rejects", { with: "an error" });
    await bystander();
    const error = "RangeError: nobody waits";
    expect(await client.final(task.task_id)).toMatchObject({ status: "failed", error_kind: "crashed", error });
  });
});

test("a process that a handler leaves running ends with its worker", async () => {
  await using watched = await watch({ env: { TASKFLOW_WORKER_MAX_ATTEMPTS: "1" } });
  const task = await watched.client.submit({ func_name: "leaves_a_process", kwargs: { how: "return" } });
  expect(await watched.client.final(task.task_id)).toMatchObject({ status: "completed", result: "done" });
  await watched.recovers();
});

test("workers that die as they start are tried again more and more seldom, /health says why, and a mended file heals it", async () => {
  await using folder = await temporaryFolder();
  const tasksDir = join(folder.path, "tasks");
  await mkdir(tasksDir);
  await writeFile(join(tasksDir, "echo.ts"), "export default (input) => input;\n");
  // Only workers know where the data lies as they load it.
  await writeFile(
    join(tasksDir, "deadly.ts"),
    "if (process.env.TASKFLOW_DATA_DIR) process.exit(7);\nexport default () => 1;\n",
  );
  await using watched = await watch({ tasksDir, paths: ["/health/live", "/api/v1/tasks?limit=1"] });
  const { client, server } = watched;
  const waiting = await client.submit({ func_name: "deadly" });
  await server.entry(({ failures }) => failures === 4);
  const failed = server.entries.filter(({ msg }) => msg === "a worker did not start");
  expect(failed.slice(0, 4).map(({ retryInMs }) => retryInMs)).toEqual([100, 200, 400, 800]);
  const unhealthy = await client.get("/health");
  expect(unhealthy.status).toBe(503);
  const reason = "the worker exited with code 7";
  expect(await unhealthy.json()).toMatchObject({ status: "unhealthy", reason });

  await writeFile(join(tasksDir, "deadly.ts"), "export default () => 2;\n");
  expect(await client.final(waiting.task_id)).toMatchObject({ status: "completed", result: 2, retry_count: 0 });
  await eventually(async () => (await client.get("/health")).status, 200);
  await watched.recovers();
});
