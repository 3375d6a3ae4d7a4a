import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { startServer, type TestServer } from "../support/server.ts";
import { taskflow } from "./run.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

let server: TestServer;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  server = await startServer({ tasksDir: join(import.meta.dir, "tasks") });
  env = { TASKFLOW_URL: server.url };
});

afterAll(() => server[Symbol.asyncDispose]());

function periodic(...words: readonly string[]) {
  return taskflow(env, "periodic", ...words);
}

async function got(name: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${server.url}/api/v1/periodic-tasks/${encodeURIComponent(name)}`);
  return (await response.json()) as Record<string, unknown>;
}

/** What `--json` prints. */
async function json(...words: readonly string[]): Promise<unknown> {
  return JSON.parse((await periodic(...words, "--json")).stdout);
}

test("create makes a periodic task of all its options, and replaces it", async () => {
  const options = [
    "--kwargs",
    '{"b":2}',
    "--args",
    "[1]",
    "--priority",
    "high",
    "--max-retries",
    "1",
    "--timeout",
    "9",
  ];
  const more = ["--tz", "Europe/Berlin", "--overlap", "replace", "--catch-up", "all", "--paused"];
  const created = await periodic("create", "every night", "add", "0 2 * * *", ...options, ...more);
  expect(created).toEqual({ exitCode: 0, stderr: "", stdout: "Periodic task 'every night' created; next: paused\n" });
  expect(await got("every night")).toMatchObject({
    func_name: "add",
    cron_expression: "0 2 * * *",
    timezone: "Europe/Berlin",
    args: [1],
    kwargs: { b: 2 },
    priority: 1,
    max_retries: 1,
    timeout: 9,
    overlap: "replace",
    catch_up: "all",
    enabled: false,
  });
  const replaced = await periodic("create", "every night", "add", "0 3 * * *", "--kwargs", '{"a":1,"b":2}');
  expect(replaced.stdout).toMatch(/^Periodic task 'every night' replaced; next: \d{4}-\d\d-\d\d 08:30:00 {2}in /);
  expect(await got("every night")).toMatchObject({ cron_expression: "0 3 * * *", timezone: "UTC", enabled: true });
});

test("list and show tell of them in the time of this machine, and with --json as the API does", async () => {
  await periodic("create", "often", "add", "@hourly", "--kwargs", '{"a":1,"b":2}');
  const { stdout } = await periodic("list");
  expect(stdout).toMatch(/^name +handler +cron +zone +next +runs\n/);
  expect(stdout).toMatch(/\noften +add +@hourly +UTC +\S+ \d\d:30:00 {2}in .* 0\n/);
  const shown = await periodic("show", "often");
  expect(shown.stdout).toMatch(/^often\n\n {2}handler +add\n {2}cron +@hourly\n/);
  expect(shown.stdout).toMatch(/Next times.*\n(\d{4}-\d\d-\d\d \d\d:30:00\n){5}$/);
  expect(await json("show", "often")).toEqual(await got("often"));
  expect(await json("list")).toEqual(await (await fetch(`${server.url}/api/v1/periodic-tasks`)).json());
});

test("pause and resume say when it fires next", async () => {
  await periodic("create", "nightly", "add", "0 2 * * *", "--kwargs", '{"a":1,"b":2}');
  expect(await periodic("pause", "nightly")).toMatchObject({ exitCode: 0, stdout: "nightly: paused\n" });
  expect(await got("nightly")).toMatchObject({ enabled: false });
  expect((await periodic("resume", "nightly")).stdout).toMatch(/^nightly: \S+ 07:30:00 {2}in /);
  expect(await got("nightly")).toMatchObject({ enabled: true });
});

test("trigger --wait runs its task now and says how it ended", async () => {
  await periodic("create", "sum", "add", "0 2 1 1 *", "--kwargs", '{"a":20,"b":22}');
  const { exitCode, stdout } = await periodic("trigger", "sum", "--wait");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^Periodic task 'sum' triggered: [\da-f-]{36}\n[\s\S]*completed after .*\n42\n$/);
  await periodic("create", "fails", "fails", "0 2 1 1 *");
  expect(await periodic("trigger", "fails", "--wait")).toMatchObject({ exitCode: 1 });
  expect(await json("trigger", "sum")).toMatchObject({ task_id: expect.any(String) });
});

test("history lists what became of its times", async () => {
  await periodic("create", "each second", "tick", "* * * * * *");
  await server.entry(({ msg, func_name }) => msg === "task started" && func_name === "tick");
  const { stdout } = await periodic("history", "each second");
  expect(stdout).toMatch(/^due +outcome +task +why\n(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}fired +[\da-f-]{36}.*\n)+$/);
  await periodic("delete", "each second");
});

test("delete deletes it, and what there is not is refused with advice", async () => {
  await periodic("create", "gone", "add", "@daily", "--kwargs", '{"a":1,"b":2}');
  expect((await periodic("delete", "gone")).stdout).toBe("Periodic task 'gone' deleted\n");
  const { exitCode, stderr } = await periodic("show", "gone");
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: expect.stringContaining("`taskflow periodic list` shows those there are."),
  });
});

test("a wrong expression, a wrong zone and a wrong input are refused with the reason", async () => {
  const refused = await Promise.all([
    periodic("create", "x", "add", "61 * * * *", "--kwargs", '{"a":1,"b":2}'),
    periodic("create", "x", "add", "@daily", "--kwargs", '{"a":1,"b":2}', "--tz", "Berlin"),
    periodic("create", "x", "add", "@daily"),
  ]);
  expect(refused.map(({ exitCode }) => exitCode)).toEqual([1, 1, 1]);
  const [expression, zone, input] = refused.map(({ stderr }) => stderr);
  expect(expression).toContain("The minute '61' is wrong: it is from 0 to 59.");
  expect(zone).toContain("Did you mean 'Europe/Berlin'?");
  expect(input).toContain("/kwargs/a: missing required 'a'");
});
