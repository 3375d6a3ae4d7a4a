import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { residentBytes, type Watched, watch } from "./watched.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

let watched: Watched;

beforeAll(async () => {
  watched = await watch();
});

afterEach(() => watched.recovers());

afterAll(() => watched?.[Symbol.asyncDispose]());

test.each(["a command", "the handler"])("stdout flooded by %s harms nobody", async (by) => {
  const { bystander, client, server } = watched;
  const before = residentBytes(server.pid);
  const task = await client.submit({ func_name: "floods_stdout", kwargs: { by } });
  await bystander();
  expect(await client.final(task.task_id)).toMatchObject({ status: "completed", result: "done" });
  expect(residentBytes(server.pid) - before).toBeLessThan(64 * 2 ** 20);
});

test("a message without an end to the server ends its worker long before its timeout", async () => {
  const { begin, bystander, client } = watched;
  const task = await begin("floods_channel", { text: "x" });
  await bystander();
  const error = "WorkerCrashError: the worker flooded its channel to the server while it ran this task";
  expect(await client.final(task.task_id)).toMatchObject({ status: "failed", error_kind: "crashed", error });
});

test("a log and progress without end are cut, with a note of it, and the handler goes on", async () => {
  const { bystander, client } = watched;
  const task = await client.submit({ func_name: "floods_log" });
  await bystander();
  expect(await client.final(task.task_id)).toMatchObject({ status: "completed", result: "done" });
  const events = client.events.filter(({ task: { task_id } }) => task_id === task.task_id);
  const lines = events.filter(({ type }) => type === "task_log");
  expect(lines).toHaveLength(1_001);
  expect(lines.at(-1)?.log).toMatchObject({ level: "warn", message: expect.stringContaining("The log was cut here") });
  expect(events.filter(({ type }) => type === "task_progress").length).toBeLessThan(200);
});
