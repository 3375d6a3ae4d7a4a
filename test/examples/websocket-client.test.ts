import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "../support/client.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { holdTasks } from "./held.ts";
import { layLine } from "./line.ts";
import { type Ended, type Run, runWithBun } from "./run.ts";

const key = "a-key-of-this-server";
const runTimeoutMs = 30_000;

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
}, runTimeoutMs);

afterAll(() => server?.[Symbol.asyncDispose]());

function follow(handler: string, kwargs: object, env: Readonly<Record<string, string>> = {}): Run {
  return runWithBun("websocket_client.ts", [handler, JSON.stringify(kwargs)], { TASKFLOW_URL: server.url, ...env });
}

function linesOf({ output }: Ended): readonly string[] {
  return output.trimEnd().split("\n");
}

test(
  "shows a task's events as they come, and ends with 0 when it completed",
  async () => {
    const ended = await follow("slow_task", { duration: 0.3 }).ended;
    const lines = linesOf(ended);
    const bars = lines.filter((line) => line.startsWith("["));
    expect(ended).toMatchObject({ code: 0, errors: "" });
    expect(lines.filter((line) => !bars.includes(line))).toEqual([
      expect.stringMatching(/^slow_task is task [\da-f-]{36}$/),
      "queued",
      "started, attempt 1 of 4",
      'completed: "Slept for 0.3 seconds"',
    ]);
    expect(bars.at(-1)).toBe("[####################] 100 % 20 of 20 naps");
  },
  runTimeoutMs,
);

test(
  "ends with 1 when the task failed, and says why",
  async () => {
    const ended = await follow("database_backup", { database: "none.db" }).ended;
    expect(ended.code).toBe(1);
    expect(linesOf(ended).at(-1)).toBe("failed: PermanentError: There is no file 'none.db' in the data directory");
  },
  runTimeoutMs,
);

test(
  "ends with 2 when the task was cancelled",
  async () => {
    const run = follow("slow_task", { duration: 60 });
    const [, taskId] = await run.printed(/is task (\S+)/);
    await run.printed(/started/);
    await fetch(`${server.url}/api/v1/tasks/${taskId}/cancel`, { method: "POST" });
    const ended = await run.ended;
    expect(ended.code).toBe(2);
    expect(linesOf(ended).at(-1)).toBe("cancelled");
  },
  runTimeoutMs,
);

test(
  "connects again after a drop, and shows once each what happened meanwhile",
  async () => {
    await using held = await holdTasks();
    await using own = await startServer({ tasksDir: held.tasksDir });
    using line = await layLine(own.url);
    using witness = await connect(own.url);
    const run = follow("held", held.input("let go"), { TASKFLOW_URL: line.url });
    const [, taskId = ""] = await run.printed(/is task (\S+)/);
    await run.printed(/info: held/);
    line.cut();
    await run.printed(/connection lost, trying again in 0.5 s/);
    held.letGo();
    await witness.final(taskId);
    line.lead(own.url);
    const ended = await run.ended;
    expect(ended).toMatchObject({ code: 0, errors: "" });
    expect(linesOf(ended).filter((text) => !text.startsWith("connection lost"))).toEqual([
      `held is task ${taskId}`,
      "queued",
      "started, attempt 1 of 4",
      "info: held",
      "connected again",
      "[##########..........] 50 % let go",
      "info: let go",
      'completed: "let go"',
    ]);
  },
  runTimeoutMs,
);

test(
  "follows a task to the end though the server was killed and started anew",
  async () => {
    await using held = await holdTasks();
    const first = await startServer({ tasksDir: held.tasksDir, keepData: true });
    using line = await layLine(first.url);
    const run = follow("held", held.input("let go"), { TASKFLOW_URL: line.url });
    await run.printed(/info: held/);
    first.signal("SIGKILL");
    await first.exited;
    await run.printed(/connection lost/);
    await using second = await startServer({ tasksDir: held.tasksDir, dataDir: first.dataDir });
    line.lead(second.url);
    await run.printed(/connected again/);
    held.letGo();
    const ended = await run.ended;
    expect(ended).toMatchObject({ code: 0, errors: "" });
    // The end may be news to the new connection, or what it begins with.
    expect(linesOf(ended).at(-1)).toMatch(/^(now: )?completed: "let go"$/);
  },
  runTimeoutMs,
);

test(
  "gives up when the server it came back to does not know the task",
  async () => {
    await using held = await holdTasks();
    await using first = await startServer({ tasksDir: held.tasksDir });
    using line = await layLine(first.url);
    const run = follow("held", held.input("let go"), { TASKFLOW_URL: line.url });
    const [, taskId] = await run.printed(/is task (\S+)/);
    await run.printed(/info: held/);
    line.cut();
    line.lead(server.url);
    const { code, errors } = await run.ended;
    expect({ code, errors }).toEqual({ code: 3, errors: `unknown_task: There is no task '${taskId}'.` });
    held.letGo();
  },
  runTimeoutMs,
);

test(
  "keeps what a task says away from the terminal's controls",
  async () => {
    const { output } = await follow("hello_world", { name: "\u001b[31mred\u001b]0;title\u0007\u202e" }).ended;
    expect(output).toContain("info: Hello, [31mred ]0;title !");
    for (const control of ["\u001b", "\u0007", "\u202e"]) expect(output).not.toContain(control);
  },
  runTimeoutMs,
);

test(
  "says in one sentence why there is nothing to follow",
  async () => {
    await using keyed = await startServer({ env: { TASKFLOW_API_KEYS: `test:${key}` } });
    using nowhere = await layLine(server.url);
    nowhere.cut();
    const wrongKey = { TASKFLOW_URL: keyed.url, TASKFLOW_API_KEY: "wrong" };
    const answers = await Promise.all([
      follow("hello_world", {}, { TASKFLOW_URL: nowhere.url }).ended,
      follow("hello_world", {}, wrongKey).ended,
      follow("add_numbers", { a: 1 }).ended,
      runWithBun("websocket_client.ts", ["hello_world", "{"]).ended,
      follow("hello_world", {}, { ...wrongKey, TASKFLOW_API_KEY: key }).ended,
    ]);
    expect(answers.map(({ code, errors }) => `${code} ${errors.split("\n")[0]}`)).toEqual([
      `3 There is no TaskFlow at ${nowhere.url}. Start one, or set TASKFLOW_URL to where it is.`,
      `3 ${keyed.url} wants a valid key: set TASKFLOW_API_KEY.`,
      "3 validation_failed: /kwargs/b: missing required 'b'",
      "3 The arguments of hello_world are not JSON: {",
      "0 ",
    ]);
  },
  runTimeoutMs,
);

test(
  "does not guess when the connection breaks before the submission is answered",
  async () => {
    using mute = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request, bun) => (bun.upgrade(request) ? undefined : new Response()),
      websocket: { message: (socket) => socket.close() },
    });
    const { code, errors } = await follow("hello_world", {}, { TASKFLOW_URL: mute.url.href }).ended;
    expect(code).toBe(3);
    expect(errors).toStartWith("The connection broke before the server answered");
  },
  runTimeoutMs,
);
