import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Static } from "@sinclair/typebox";
import type { firingSchema, periodicTaskSchema } from "../../src/http/schema.ts";
import type { WireTask } from "../support/client.ts";
import { type LogEntry, startServer, type TestServer } from "../support/server.ts";
import { eventually } from "./watched.ts";

type Entry = Static<typeof periodicTaskSchema>;
type Line = Static<typeof firingSchema>;

// Seconds are waited for, and servers.
setDefaultTimeout(30_000);

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Tells what it was given, and when it was meant to. */
const echo = "export default (input, { scheduledFor, lastRunAt }) => ({ input, scheduledFor, lastRunAt });\n";

/** A handler that returns `value` and declares this. */
const scheduled = (schedule: unknown, value: unknown = 1) =>
  `export default { schedule: ${JSON.stringify(schedule)}, run: () => ${JSON.stringify(value)} };\n`;

/** A real server over a folder of these files and data that outlive it. */
async function serve(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), "taskflow-test-"));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const tasksDir = join(folder, "tasks");
  mkdirSync(tasksDir);
  const write = (name: string, text: string) => writeFileSync(join(tasksDir, name), text);
  for (const [name, text] of Object.entries(files)) write(name, text);
  let server = await start();
  cleanups.push(() => server[Symbol.asyncDispose]());

  function start(): Promise<TestServer> {
    return startServer({ tasksDir, dataDir: join(folder, "data"), env: { TMPDIR: folder } });
  }

  async function call(method: string, path: string, body?: object): Promise<unknown> {
    const json = { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(`${server.url}/api/v1${path}`, { method, ...(body === undefined ? {} : json) });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`${response.status}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Does something to the files; resolves when the server has taken it over. */
  async function change(act: () => void): Promise<LogEntry> {
    const isChange = ({ msg }: LogEntry) => msg.startsWith("handlers changed");
    const before = server.entries.filter(isChange).length;
    act();
    return server.entry((entry) => server.entries.filter(isChange).indexOf(entry) >= before);
  }

  /** The task of the nth firing of `name` since the start, when it is completed. */
  async function firing(name: string, nth = 1): Promise<WireTask> {
    const isFiring = ({ msg, periodic_task }: LogEntry) => msg === "task queued" && periodic_task === name;
    const { task_id } = await server.entry((entry) => server.entries.filter(isFiring)[nth - 1] === entry);
    await server.entry((entry) => entry.task_id === task_id && entry.msg === "task completed");
    return (await call("GET", `/tasks/${task_id}`)) as WireTask;
  }

  return {
    write,
    remove: (name: string) => rmSync(join(tasksDir, name)),
    call,
    change,
    firing,
    save: (body: object) => call("POST", "/periodic-tasks", body) as Promise<Entry>,
    show: (name: string) => call("GET", `/periodic-tasks/${name}`) as Promise<Entry>,
    patch: (name: string, body: object) => call("PATCH", `/periodic-tasks/${name}`, body) as Promise<Entry>,
    names: async () => Object.keys((await call("GET", "/periodic-tasks")) as object),
    history: (name: string) => call("GET", `/periodic-tasks/${name}/history`) as Promise<Line[]>,
    async restart() {
      server.signal("SIGTERM");
      expect(await server.exited).toBe(0);
      server = await start();
    },
  };
}

const everySecond = "* * * * * *";

test("what is created over REST fires, and its handler knows the time it was due and the one before", async () => {
  const { save, firing, show } = await serve({ "echo.ts": echo });
  await save({ name: "tick", func_name: "echo", cron_expression: everySecond, kwargs: { n: 1 }, overlap: "allow" });
  const first = await firing("tick");
  const second = await firing("tick", 2);
  expect(first).toMatchObject({
    periodic_task: "tick",
    status: "completed",
    result: { input: { n: 1 }, scheduledFor: first.scheduled_for, lastRunAt: null },
  });
  expect(second.result).toEqual({
    input: { n: 1 },
    scheduledFor: second.scheduled_for,
    lastRunAt: first.scheduled_for,
  });
  for (const { scheduled_for, started_at } of [first, second]) {
    expect(scheduled_for).toEndWith(".000Z");
    expect(Date.parse(String(started_at))).toBeGreaterThanOrEqual(Date.parse(String(scheduled_for)));
  }
  expect((await show("tick")).run_count).toBeGreaterThanOrEqual(2);
});

test("a restart keeps next and last time, counts, settings and history, and fires no time again", async () => {
  const { save, firing, show, patch, history, restart } = await serve({ "echo.ts": echo });
  await save({ name: "yearly", func_name: "echo", cron_expression: "@yearly", timezone: "Asia/Tokyo", timeout: 7 });
  await save({ name: "paused", func_name: "echo", cron_expression: everySecond });
  await save({ name: "tick", func_name: "echo", cron_expression: everySecond, overlap: "allow" });
  await Promise.all([firing("paused"), firing("tick")]);
  await patch("paused", { enabled: false });
  const before = await Promise.all([show("yearly"), show("paused"), history("paused")]);
  const ticked = await show("tick");
  await restart();
  expect(await Promise.all([show("yearly"), show("paused"), history("paused")])).toEqual(before);
  const next = await firing("tick");
  expect(Date.parse(String(next.scheduled_for))).toBeGreaterThan(Date.parse(String(ticked.last_run)));
  const times = (await history("tick")).map(({ scheduled_for }) => scheduled_for);
  expect(times).toEqual([...new Set(times)].toSorted().toReversed());
  expect((await show("tick")).run_count).toBeGreaterThan(ticked.run_count);
});

describe("what a handler declares", () => {
  test("is there at the start, follows its file as that is added, edited and removed, and is nobody else's", async () => {
    const { write, remove, change, show, names, firing, call } = await serve({ "a.ts": scheduled("@yearly") });
    expect(await show("a")).toMatchObject({ source: "handler", func_name: "a", cron_expression: "@yearly" });
    await expect(call("DELETE", "/periodic-tasks/a")).rejects.toThrow("409");

    await change(() => write("b.ts", scheduled([{ cron: everySecond }, { name: "late", cron: "@yearly" }], "b")));
    expect((await firing("b")).result).toBe("b");
    expect(await names()).toEqual(["a", "b", "late"]);

    await change(() => write("a.ts", scheduled({ cron: everySecond, timezone: "Asia/Kolkata" }, "edited")));
    expect((await firing("a")).result).toBe("edited");
    expect(await show("a")).toMatchObject({ cron_expression: everySecond, timezone: "Asia/Kolkata" });

    await change(() => write("b.ts", scheduled(undefined)));
    await eventually(names, ["a"]);
    await change(() => remove("a.ts"));
    await eventually(names, []);
  });

  test("stays while the file does not load, at that start too, and is back as it was when it does", async () => {
    const { write, change, show, call, restart } = await serve({ "a.ts": scheduled("@yearly") });
    const before = await show("a");
    const { failed } = await change(() => write("a.ts", scheduled("0 25 * * *")));
    expect(failed).toEqual(["a.ts:1: option 'schedule': The hour '25' is wrong: it is from 0 to 23."]);
    expect(await show("a")).toEqual(before);
    await restart();
    expect(await call("GET", "/handlers/a")).toMatchObject({ status: "load_error", schedules: [] });
    expect(await show("a")).toEqual(before);
    await change(() => write("a.ts", scheduled("@monthly")));
    await eventually(async () => (await show("a")).cron_expression, "@monthly");
  });

  test("can be paused, which outlives a reload and a restart", async () => {
    const { write, change, show, patch, restart } = await serve({ "a.ts": scheduled("@yearly") });
    await patch("a", { enabled: false });
    await change(() => write("a.ts", scheduled("@monthly")));
    await eventually(async () => (await show("a")).cron_expression, "@monthly");
    expect(await show("a")).toMatchObject({ enabled: false, next_run: null });
    await restart();
    expect(await show("a")).toMatchObject({ enabled: false, next_run: null, cron_expression: "@monthly" });
    expect((await patch("a", { enabled: true })).next_run).not.toBeNull();
  });

  test("is refused where an entry over REST has the name: the log and the handler say so", async () => {
    const { write, change, save, call, show } = await serve({ "echo.ts": echo });
    await save({ name: "mine", func_name: "echo", cron_expression: "@yearly" });
    await change(() => write("b.ts", scheduled({ name: "mine", cron: "@daily" })));
    const error = "The name is taken by an entry that was created over the API.";
    await eventually(
      async () => ((await call("GET", "/handlers/b")) as { schedules: unknown }).schedules,
      [{ name: "mine", cron_expression: "@daily", timezone: "UTC", error }],
    );
    expect((await show("mine")).source).toBe("api");
    await call("DELETE", "/periodic-tasks/mine");
    await eventually(async () => (await show("mine")).source, "handler");
  });
});
