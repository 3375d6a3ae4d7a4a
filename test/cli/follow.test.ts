import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { createGate } from "../e2e/gate.ts";
import { connect } from "../support/client.ts";
import { startServer } from "../support/server.ts";
import { start, taskflow } from "./run.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(60_000);

const tasksDir = join(import.meta.dir, "tasks");

test("--follow goes on over a restart of the server, and tells each line of the log once", async () => {
  await using gate = createGate();
  const first = await startServer({ tasksDir, keepData: true });
  const port = new URL(first.url).port;
  const kwargs = JSON.stringify({ url: gate.url });
  await using following = start({ TASKFLOW_URL: first.url }, "submit", "rogue", "--kwargs", kwargs, "--wait");
  await following.printed(/50 %/);
  first.signal("SIGKILL");
  await first.exited;
  await using second = await startServer({ tasksDir, dataDir: first.dataDir, env: { TASKFLOW_PORT: port } });
  await gate.arrived(2);
  gate.open();
  expect(await following.exited).toBe(0);
  expect(second.url).toBe(first.url);
  const { stdout, stderr } = following.output;
  expect(stderr).toMatch(/The server is away[\s\S]*The server is back/);
  // Two attempts began, and one came to its end.
  expect(stdout.match(/before /g)).toHaveLength(2);
  expect(stdout.match(/ error {2}after\n/g)).toHaveLength(1);
  expect(stdout).toMatch(/ error {2}after\ncompleted after /);
});

test("--follow tells what was logged before it, and of a task that has ended all at once", async () => {
  await using gate = createGate();
  await using server = await startServer({ tasksDir });
  using client = await connect(server.url);
  const { task_id } = await client.submit({ func_name: "rogue", kwargs: { url: gate.url } });
  await gate.arrived();
  await using following = start({ TASKFLOW_URL: server.url }, "show", task_id, "--follow");
  await following.printed(/running, attempt 1 of 4\n[\s\S]* warn {3}before /);
  gate.open();
  expect(await following.exited).toBe(0);
  const later = await taskflow({ TASKFLOW_URL: server.url }, "show", task_id, "--follow");
  const linesIn = (text: string) => text.split("\n").filter((line) => /^\d\d:\d\d:\d\d\.\d{3} {2}/.test(line));
  expect(linesIn(later.stdout)).toEqual(linesIn(following.output.stdout));
  expect(linesIn(later.stdout).map((line) => line.slice(14, 19))).toEqual(["warn ", "warn ", "error"]);
  expect(later).toMatchObject({ exitCode: 0, stderr: "" });
});

test("--follow asks again and again where there is no WebSocket to be had", async () => {
  await using gate = createGate();
  await using server = await startServer({ tasksDir });
  const asked: string[] = [];
  await using proxy = Bun.serve({
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      if (pathname === "/ws") return new Response("no upgrade here", { status: 400 });
      if (asked.filter((path) => path.endsWith("/logs")).length === 2) gate.open();
      return fetch(`${server.url}${pathname}`, { method: request.method, body: request.body });
    },
  });
  using client = await connect(server.url);
  const { task_id } = await client.submit({ func_name: "rogue", kwargs: { url: gate.url } });
  await gate.arrived();
  const { exitCode, stdout, stderr } = await taskflow({ TASKFLOW_URL: proxy.url.href }, "show", task_id, "--follow");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toMatch(/running, attempt 1 of 4[\s\S]* error {2}after\ncompleted after /);
  expect(asked).toContain("/ws");
});
