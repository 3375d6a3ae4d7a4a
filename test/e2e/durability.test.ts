import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { connect, type WireTask } from "../support/client.ts";
import {
  type ServerOptions,
  startServer,
  type TestServer,
  temporaryFolder,
  workersGone,
  workersOf,
} from "../support/server.ts";
import { createGate } from "./gate.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

const tasksDir = join(import.meta.dir, "tasks");

interface Data extends AsyncDisposable {
  /** Starts a server on it; one after the other. */
  start(env?: Readonly<Record<string, string>>): Promise<TestServer>;
  /** What servers left in the folder for temporary files. */
  leftovers(): Promise<readonly string[]>;
}

async function someData(): Promise<Data> {
  const folder = await temporaryFolder();
  const temporary = join(folder.path, "temporary");
  await mkdir(temporary);
  const options: ServerOptions = { tasksDir, dataDir: folder.path, keepData: true };
  const started: TestServer[] = [];
  return {
    async start(env = {}) {
      const server = await startServer({ ...options, env: { TMPDIR: temporary, ...env } });
      started.push(server);
      return server;
    },
    leftovers: () => readdir(temporary),
    async [Symbol.asyncDispose]() {
      // Of a test that failed half way.
      for (const server of started) {
        server.signal("SIGKILL");
        for (const pid of workersOf(server.pid)) process.kill(pid, "SIGKILL");
      }
      await folder[Symbol.asyncDispose]();
    },
  };
}

interface Found {
  readonly task: WireTask;
  readonly outcomes: readonly unknown[];
}

/** What a server that runs nothing finds of these tasks. */
async function stored(data: Data, ...tasks: readonly WireTask[]): Promise<readonly Found[]> {
  await using server = await data.start({ TASKFLOW_NUM_WORKERS: "0" });
  return await Promise.all(tasks.map(({ task_id }) => lookAt(server, task_id)));
}

async function lookAt({ url }: TestServer, taskId: string): Promise<Found> {
  const task: WireTask = await (await fetch(`${url}/api/v1/tasks/${taskId}`)).json();
  const attempts = await (await fetch(`${url}/api/v1/tasks/${taskId}/attempts`)).json();
  return { task, outcomes: attempts.map(({ outcome }: { outcome: unknown }) => outcome) };
}

test("after a SIGKILL every acknowledged task is there and completes, and what ran is given its attempt back", async () => {
  await using data = await someData();
  await using gate = createGate();
  const killed = await data.start({ TASKFLOW_NUM_WORKERS: "1" });
  using client = await connect(killed.url);
  const running = await client.submit({ func_name: "held", kwargs: { url: gate.url } });
  await gate.arrived();
  const later = await client.submit({ func_name: "echo", kwargs: { n: -1 }, delay: 1 });

  const acknowledged: { readonly task_id: string; readonly n: number }[] = [];
  const enough = Promise.withResolvers<void>();
  let sent = 0;
  const submitting = Array.from({ length: 8 }, async () => {
    for (;;) {
      const n = sent++;
      // The kill comes between two answers: what was not answered may be there or not.
      const task = await client.submit({ func_name: "echo", kwargs: { n } }).catch(() => null);
      if (task === null) return;
      acknowledged.push({ task_id: task.task_id, n });
      if (acknowledged.length >= 100) enough.resolve();
    }
  });
  await enough.promise;
  killed.signal("SIGKILL");
  expect(await killed.exited).toBe(137);
  await Promise.all(submitting);
  await workersGone(killed.pid);

  gate.open();
  await using server = await data.start();
  using again = await connect(server.url);
  const recovered = await server.entry(({ msg }) => msg === "tasks that ran at the last stop are queued again");
  expect(recovered).toMatchObject({ tasks: 1 });
  for (const { task_id, n } of [...acknowledged, { ...later, n: -1 }]) {
    expect(await again.final(task_id)).toMatchObject({ status: "completed", result: { n } });
  }
  expect(await again.final(running.task_id)).toMatchObject({ status: "completed", retry_count: 0, error: null });
  expect((await lookAt(server, running.task_id)).outcomes).toEqual(["interrupted", "completed"]);
});

test("a SIGKILL leaves no worker behind, not even one that loops, and the next start clears up its files", async () => {
  await using data = await someData();
  await using gate = createGate();
  gate.open();
  const server = await data.start();
  using client = await connect(server.url);
  await client.submit({ func_name: "loops", kwargs: { url: gate.url } });
  const pid = Number((await gate.arrived()).get("pid"));
  expect(workersOf(server.pid)).toContain(pid);
  server.signal("SIGKILL");
  await server.exited;
  await workersGone(server.pid);
  expect(await data.leftovers()).toHaveLength(1);
  // Without workers, so that the loop does not begin again and hold up the stop.
  const next = await data.start({ TASKFLOW_NUM_WORKERS: "0" });
  await next[Symbol.asyncDispose]();
  expect(await data.leftovers()).toEqual([]);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal}: what runs may finish, nothing new begins, and it exits with 0`, async () => {
    await using data = await someData();
    await using gate = createGate();
    const server = await data.start({ TASKFLOW_NUM_WORKERS: "1" });
    using client = await connect(server.url);
    const running = await client.submit({ func_name: "held", kwargs: { url: gate.url } });
    const waiting = await client.submit({ func_name: "echo" });
    await gate.arrived();
    server.signal(signal);
    await server.entry(({ signal: logged }) => logged === signal);
    expect((await client.get("/health/ready")).status).toBe(503);
    expect((await client.get("/health/live")).status).toBe(200);
    expect(await (await client.get("/health")).json()).toMatchObject({ status: "draining" });
    const late = await client.submit({ func_name: "echo" });
    gate.open();
    expect(await server.exited).toBe(0);
    expect(workersOf(server.pid)).toEqual([]);
    expect(await data.leftovers()).toEqual([]);

    expect(await stored(data, running, waiting, late)).toMatchObject([
      { task: { status: "completed", result: "let go" }, outcomes: ["completed"] },
      { task: { status: "queued", started_at: null }, outcomes: [] },
      { task: { status: "queued", started_at: null }, outcomes: [] },
    ]);
  });
}

test("what does not finish in the shutdown grace is interrupted and queued again, and it exits with 0", async () => {
  await using data = await someData();
  await using gate = createGate();
  gate.open();
  const server = await data.start({ TASKFLOW_SHUTDOWN_GRACE: "0.3", TASKFLOW_KILL_GRACE: "0.1" });
  using client = await connect(server.url);
  const looping = await client.submit({ func_name: "loops", kwargs: { url: gate.url } });
  await gate.arrived();
  server.signal("SIGTERM");
  expect(await server.exited).toBe(0);
  expect(workersOf(server.pid)).toEqual([]);
  expect(await data.leftovers()).toEqual([]);

  const givenBack = { status: "queued", retry_count: 0, error_kind: "interrupted" };
  expect(await stored(data, looping)).toMatchObject([{ task: givenBack, outcomes: ["interrupted"] }]);
});

test("a further signal ends it at once, and the next start gives the attempt back", async () => {
  await using data = await someData();
  await using gate = createGate();
  const server = await data.start();
  using client = await connect(server.url);
  const running = await client.submit({ func_name: "held", kwargs: { url: gate.url } });
  await gate.arrived();
  server.signal("SIGTERM");
  await server.entry(({ signal }) => signal === "SIGTERM");
  // One that comes right after the first may be the same, passed on by a wrapper: someone in a hurry presses again.
  const hurry = setInterval(() => server.signal("SIGTERM"), 200);
  const exitCode = await server.exited;
  clearInterval(hurry);
  expect(exitCode).toBe(143);
  await workersGone(server.pid);
  expect(await data.leftovers()).toEqual([]);

  const givenBack = { status: "queued", retry_count: 0, error_kind: "interrupted" };
  expect(await stored(data, running)).toMatchObject([{ task: givenBack, outcomes: ["interrupted"] }]);
});
