import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { connect, type TestClient } from "../support/client.ts";
import { startServer, type TestServer, temporaryFolder, workersOf } from "../support/server.ts";
import { createGate } from "./gate.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

const tasksDir = join(import.meta.dir, "tasks");
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  server = await startServer({ tasksDir, env: { TASKFLOW_NUM_WORKERS: "1", TASKFLOW_KILL_GRACE: "0.1" } });
  client = await connect(server.url);
});

afterAll(async () => {
  client?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

test("a critical task submitted last runs first, and each priority in the order of submission", async () => {
  await using gate = createGate();
  const busy = await client.submit({ func_name: "held", kwargs: { url: gate.url } });
  await gate.arrived();
  const submitted: string[] = [];
  for (const priority of ["low", "normal", "high", "normal", "critical"]) {
    submitted.push((await client.submit({ func_name: "echo", priority })).task_id);
  }
  gate.open();
  await Promise.all([busy.task_id, ...submitted].map((taskId) => client.final(taskId)));
  const started = client.events.filter(({ type }) => type === "task_started").map(({ task }) => task.task_id);
  const [low, normal, high, normalToo, critical] = submitted;
  expect(started.filter((taskId) => submitted.includes(taskId))).toEqual(
    [critical, high, normal, normalToo, low].map(String),
  );
});

describe("cancelling", () => {
  test("a task that loops answers 202, then it is cancelled and its slot is free again", async () => {
    await using gate = createGate();
    gate.open();
    const { task_id } = await client.submit({ func_name: "loops", kwargs: { url: gate.url } });
    const pid = Number((await gate.arrived()).get("pid"));
    const answer = await client.post(`/api/v1/tasks/${task_id}/cancel`);
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ task_id, status: "running" });
    expect(await client.final(task_id)).toMatchObject({ status: "cancelled", error: null, error_kind: null });
    const attempts = await (await client.get(`/api/v1/tasks/${task_id}/attempts`)).json();
    expect(attempts).toMatchObject([{ outcome: "cancelled" }]);
    expect((await client.post(`/api/v1/tasks/${task_id}/cancel`)).status).toBe(409);

    const next = await client.submit({ func_name: "echo" });
    expect(await client.final(next.task_id)).toMatchObject({ status: "completed" });
    expect(workersOf(server.pid)).toHaveLength(1);
    expect(workersOf(server.pid)).not.toContain(pid);
  });

  test("a task that waits answers 200, and it never runs", async () => {
    await using gate = createGate();
    const busy = await client.submit({ func_name: "held", kwargs: { url: gate.url } });
    await gate.arrived();
    const { task_id } = await client.submit({ func_name: "echo" });
    const answer = await client.post(`/api/v1/tasks/${task_id}/cancel`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ task_id, status: "cancelled", started_at: null });
    gate.open();
    await client.final(busy.task_id);
    const next = await client.submit({ func_name: "echo" });
    await client.final(next.task_id);
    expect(client.events.filter(({ task }) => task.task_id === task_id).map(({ type }) => type)).toEqual([
      "task_queued",
      "task_cancelled",
    ]);
  });
});

test("every change of a task's state is one line of the log, with its task, handler, attempt and duration", async () => {
  const { task_id } = await client.submit({ func_name: "fails_first" });
  await client.final(task_id);
  await server.entry((entry) => entry.task_id === task_id && entry.msg === "task completed");
  const lines = server.entries.filter((entry) => entry.task_id === task_id);
  expect(lines.map(({ msg, attempt }) => [msg, attempt])).toEqual([
    ["task queued", 0],
    ["task started", 1],
    ["task retrying", 1],
    ["task queued", 1],
    ["task started", 2],
    ["task completed", 2],
  ]);
  for (const line of lines) {
    expect(line).toMatchObject({ func_name: "fails_first", level: expect.any(String), time: expect.any(String) });
    const isEnd = line.msg === "task retrying" || line.msg === "task completed";
    expect(line.duration).toEqual(isEnd ? expect.any(Number) : undefined);
  }
});

test("without workers tasks are accepted and kept, and the next server that has some runs them", async () => {
  await using folder = await temporaryFolder();
  const options = { tasksDir, dataDir: folder.path };
  await using idle = await startServer({ ...options, keepData: true, env: { TASKFLOW_NUM_WORKERS: "0" } });
  using early = await connect(idle.url);
  const { task_id } = await early.submit({ func_name: "echo", kwargs: { n: 1 } });
  expect(await (await fetch(`${idle.url}/health`)).json()).toMatchObject({
    status: "healthy",
    queue: { current_size: 1 },
    workers: { num_workers: 0, active_workers: 0, running: false },
  });
  expect(workersOf(idle.pid)).toEqual([]);
  idle.signal("SIGTERM");
  expect(await idle.exited).toBe(0);
  expect(idle.entries.filter(({ msg }) => msg === "task started")).toEqual([]);

  await using busy = await startServer(options);
  using later = await connect(busy.url);
  expect(await later.final(task_id)).toMatchObject({ status: "completed", result: { n: 1 } });
});

test("sqlite::memory: runs tasks like any other and writes no database", async () => {
  await using folder = await temporaryFolder();
  const env = { TASKFLOW_DATABASE: "sqlite::memory:" };
  await using server = await startServer({ tasksDir, cwd: folder.path, env });
  using client = await connect(server.url);
  const { task_id } = await client.submit({ func_name: "fails_first" });
  expect(await client.final(task_id)).toMatchObject({ status: "completed", retry_count: 1 });
  expect(await (await client.get(`/api/v1/tasks/${task_id}/attempts`)).json()).toHaveLength(2);
  server.signal("SIGTERM");
  expect(await server.exited).toBe(0);
  const written = await readdir(folder.path, { recursive: true });
  expect(written.filter((name) => name !== "data")).toEqual([]);
});
