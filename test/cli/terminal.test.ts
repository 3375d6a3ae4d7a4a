import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { createGate } from "../e2e/gate.ts";
import { connect } from "../support/client.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { startOnTerminal, taskflow } from "./run.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ tasksDir: join(import.meta.dir, "tasks") });
});

afterAll(() => server[Symbol.asyncDispose]());

/** Without what moves the cursor or sets a colour. */
function textOf(screen: string): string {
  return Bun.stripANSI(screen).replaceAll("\r", "");
}

test.each<[string, (screen: ReturnType<typeof startOnTerminal>) => void, number]>([
  ["q", (top) => top.type("q"), 0],
  ["Ctrl-C", (top) => top.type("\x03"), 0],
  ["SIGTERM", (top) => top.kill("SIGTERM"), 0],
])("top shows what runs and what happens until %s, and leaves the terminal as it was", async (_how, leave, code) => {
  await using gate = createGate();
  using client = await connect(server.url);
  const { task_id } = await client.submit({ func_name: "rogue", kwargs: { url: gate.url } });
  await gate.arrived();
  const top = startOnTerminal({ TASKFLOW_URL: server.url }, "top");
  await top.shows(new RegExp(`RUNNING[^]*${task_id} {2}rogue [^]*50 %`));
  const added = await client.submit({ func_name: "add", kwargs: { a: 1, b: 1 } });
  await top.shows(new RegExp(`EVENTS[^]*completed {2}add {19}${added.task_id}`));
  leave(top);
  expect(await top.exited).toBe(code);
  gate.open();
  await client.final(task_id);
  expect(top.screen).toStartWith("\x1b[?1049h\x1b[?25l");
  expect(top.screen).toEndWith("\x1b[?25h\x1b[?1049l");
  // The handler's own escape sequences are not among those of the picture.
  for (const obeyed of ["\x1b]", "\x07", "\u009b"]) expect(top.screen).not.toContain(obeyed);
  const pictures = top.screen
    .split("\x1b[H")
    .slice(1)
    .map((picture) => textOf(picture).split("\n"));
  for (const lines of pictures) {
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(Math.max(...lines.map((line) => Bun.stringWidth(line)))).toBeLessThanOrEqual(80);
  }
});

test("top is one picture in plain lines when it is not on a terminal", async () => {
  const { exitCode, stdout, stderr } = await taskflow({ TASKFLOW_URL: server.url }, "top");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toMatch(/^TaskFlow at http:\S+ {2}\d\d:\d\d:\d\d\nhealthy\nworkers 2\/2 {2}running 0/);
  expect(stdout).not.toContain("\x1b");
});

test("top waits for a server that goes away while it is watched", async () => {
  const other = await startServer({ tasksDir: join(import.meta.dir, "tasks") });
  const top = startOnTerminal({ TASKFLOW_URL: other.url }, "top");
  await top.shows(/healthy/);
  await other[Symbol.asyncDispose]();
  await top.shows(/away since \d\d:\d\d:\d\d, trying again/);
  top.type("q");
  expect(await top.exited).toBe(0);
});

test("on a terminal progress stays on one line, statuses have colours, and lines keep to the width", async () => {
  await using gate = createGate();
  const kwargs = JSON.stringify({ url: gate.url });
  const waiting = startOnTerminal({ TASKFLOW_URL: server.url }, "submit", "rogue", "--kwargs", kwargs, "--wait");
  await waiting.shows(/50 %/);
  gate.open();
  expect(await waiting.exited).toBe(0);
  const [, line = ""] = waiting.screen.split("\r\x1b[K");
  expect(line).toStartWith("[##########..........]  50 % ");
  expect(line).not.toContain("\n");
  expect(waiting.screen).toContain("\x1b[32mcompleted after");
  const list = startOnTerminal({ TASKFLOW_URL: server.url }, "list");
  expect(await list.exited).toBe(0);
  const lines = textOf(list.screen).split("\n");
  expect(lines[0]).toMatch(/^task +handler +status +outcome/);
  expect(Math.max(...lines.map((line) => Bun.stringWidth(line)))).toBeLessThanOrEqual(80);
});

test("NO_COLOR takes the colours away", async () => {
  const list = startOnTerminal({ TASKFLOW_URL: server.url, NO_COLOR: "1" }, "health");
  expect(await list.exited).toBe(0);
  expect(list.screen).toStartWith("healthy");
  expect(list.screen).not.toContain("\x1b");
});
