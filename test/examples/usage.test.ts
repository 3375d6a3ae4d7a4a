import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type TestClient } from "../support/client.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { layLine } from "./line.ts";
import { pythonSetupMs, type Run, runWithBun, runWithPython } from "./run.ts";

type Tour = (args: readonly string[], env: Readonly<Record<string, string>>) => Promise<Run>;

const tours: readonly (readonly [string, Tour])[] = [
  ["usage_example.ts", async (args, env) => runWithBun("usage_example.ts", args, env)],
  ["usage_example.py", (args, env) => runWithPython("usage_example.py", args, env)],
];

const key = "a-key-of-this-server";
const tourTimeoutMs = 60_000 + pythonSetupMs;

let open: TestServer;
let keyed: TestServer;
let client: TestClient;

beforeAll(async () => {
  [open, keyed] = await Promise.all([startServer(), startServer({ env: { TASKFLOW_API_KEYS: `test:${key}` } })]);
  client = await connect(open.url);
}, tourTimeoutMs);

afterAll(async () => {
  client?.[Symbol.dispose]();
  await Promise.all([open?.[Symbol.asyncDispose](), keyed?.[Symbol.asyncDispose]()]);
});

describe.each(tours)("%s", (_, run) => {
  test(
    "shows every feature, on an open server and with a key",
    async () => {
      const bystander = await client.submit({ func_name: "hello_world", delay: 3600 });
      const runs = await Promise.all([
        run([], { TASKFLOW_URL: open.url }),
        run(["--clear-queue"], { TASKFLOW_URL: `${keyed.url}/`, TASKFLOW_API_KEY: key }),
      ]);
      const [plain, clearing] = await Promise.all(runs.map(({ ended }) => ended));
      for (const ended of [plain, clearing]) {
        expect(ended).toMatchObject({ code: 0, errors: "" });
        for (const line of everyFeature) expect(ended?.output).toMatch(line);
      }
      expect(plain?.output).toContain("left out: --clear-queue");
      expect(clearing?.output).toContain("Cancelled 1 waiting task");
      const left = await client.get(`/api/v1/tasks/${bystander.task_id}`);
      expect(await left.json()).toMatchObject({ status: "pending" });
    },
    tourTimeoutMs,
  );

  test(
    "says where it looked when there is no server",
    async () => {
      using nowhere = await layLine(open.url);
      nowhere.cut();
      const { code, errors } = await (await run([], { TASKFLOW_URL: nowhere.url })).ended;
      expect({ code, errors }).toEqual({
        code: 1,
        errors: `There is no TaskFlow at ${nowhere.url}. Start one, or set TASKFLOW_URL to where it is.`,
      });
    },
    tourTimeoutMs,
  );

  test(
    "asks for a key when the server does",
    async () => {
      const { code, errors } = await (await run([], { TASKFLOW_URL: keyed.url, TASKFLOW_API_KEY: "wrong" })).ended;
      expect(code).toBe(1);
      expect(errors).toMatch(/[Ss]et TASKFLOW_API_KEY\.$/);
      expect(errors).not.toContain("\n");
    },
    tourTimeoutMs,
  );
});

const everyFeature = [
  /is healthy, with 2 workers/,
  /add_numbers Add two numbers/,
  /5 \+ 3 = 8$/m,
  /20 \+ 22 = 42$/m,
  /Slept for 0.3 seconds \(priority 0, timeout 10s, 1 retry\)/,
  /info Hello, TaskFlow!/,
  /Greeted delay: pending at first/,
  /Greeted run_at: pending at first/,
  /5 tasks in one request, all or none 2, 4, 6, 8, 10$/m,
  /page 1 of completed add_numbers 10, 8, 6$/m,
  /page 2 of completed add_numbers 4, 2, 42$/m,
  /page 3 of completed add_numbers 8/,
  /a task that is pending cancelled at once/,
  /a task that is running (running|cancelled), then cancelled/,
  /a new task with the input of a cancelled one Greeted again/,
  /failed after 1 retry Error: Failed by chance, at a rate of 1/,
  /1: failed Error: Failed by chance/,
  /2: failed Error: Failed by chance/,
  /failed, error_kind timeout TimeoutError: Task exceeded its timeout of 0.3s/,
  /each Monday at 9 in Berlin next at \d{4}-\d\d-\d\dT0[78]:00:00\.000Z, /,
  /triggered now Greeted /,
  /paused next at (null|None)$/m,
  /Periodic task 'tour' deleted/,
  /a handler that is not there 404 unknown_handler: .*Did you mean 'add_numbers'/,
  /input that does not fit 422 validation_failed: /,
  /a retry of what is completed 409 task_not_retryable: /,
  /waiting to run \d+ completed, \d+ failed, \d+ cancelled$/m,
  /add_numbers runs for \d+ ms at most/,
  /That was all of it\.\n$/,
];
