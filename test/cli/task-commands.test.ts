import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { createGate } from "../e2e/gate.ts";
import { connect, type TestClient, type WireTask } from "../support/client.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { obeyed, start, taskflow } from "./run.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

const writeKey = "a-key-that-may-write";
const readKey = "a-key-that-may-only-read";

let server: TestServer;
let client: TestClient;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  server = await startServer({
    tasksDir: join(import.meta.dir, "tasks"),
    env: { TASKFLOW_API_KEYS: `w:${writeKey},r:${readKey}:read` },
  });
  client = await connect(server.url, writeKey);
  env = { TASKFLOW_URL: server.url, TASKFLOW_API_KEY: writeKey };
});

afterAll(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

async function got(path: string): Promise<unknown> {
  return (await client.get(path)).json();
}

test("submit says which task it is, with --json all of it, and the API has it as it was submitted", async () => {
  const said = await taskflow(env, "submit", "add", "--args", "[1]", "--kwargs", '{"b":2}', "--priority", "high");
  expect(said).toMatchObject({ exitCode: 0, stderr: "" });
  const [, id] = /^add {2}([\da-f-]{36})\n$/.exec(said.stdout) ?? [];
  expect(await client.final(String(id))).toMatchObject({ args: [1], kwargs: { b: 2 }, priority: 1, result: 3 });

  const options = ["--kwargs", '{"a":1,"b":1}', "--max-retries", "7", "--timeout", "1.5", "--delay", "3600", "--json"];
  const { stdout } = await taskflow(env, "submit", "add", ...options);
  const task = JSON.parse(stdout);
  expect(task).toMatchObject({ status: "pending", max_retries: 7, timeout: 1.5 });
  expect(await got(`/api/v1/tasks/${task.task_id}`)).toEqual(task);
  // By the clock of the machine, which is five and a half hours ahead.
  const at = await taskflow(
    env,
    "submit",
    "add",
    "--kwargs",
    '{"a":1,"b":1}',
    "--run-at",
    "2999-01-01 05:30",
    "--json",
  );
  expect(JSON.parse(at.stdout).run_at).toBe("2999-01-01T00:00:00.000Z");
});

test("a number reaches the server as it was written: one that it cannot keep is refused, and not rounded", async () => {
  const said = await taskflow(env, "submit", "add", "--kwargs", '{"a":1,"b":9007199254740993}');
  expect(said).toEqual({
    exitCode: 1,
    stdout: "",
    stderr: "the number 9007199254740993 cannot be kept as it is: send it as a string\n",
  });
});

test("--wait shows a task to its end, and the exit code says how that was", async () => {
  const added = await taskflow(env, "submit", "add", "--kwargs", '{"a":5,"b":3}', "--wait");
  expect(added).toMatchObject({ exitCode: 0, stderr: "" });
  expect(added.stdout).toMatch(/^add {2}\S+\n(.*\n)*completed after [\d.]+ m?s\n8\n$/);
  const failed = await taskflow(env, "submit", "fails", "--wait");
  expect(failed.exitCode).toBe(1);
  expect(failed.stdout).toMatch(/\nfailed after [\d.]+ m?s: PermanentError: never again\n$/);
  const json = await taskflow(env, "submit", "fails", "--wait", "--json");
  const task: WireTask = JSON.parse(json.stdout);
  expect({ exitCode: json.exitCode, stderr: json.stderr, status: task.status }).toEqual({
    exitCode: 1,
    stderr: "",
    status: "failed",
  });
  expect(await got(`/api/v1/tasks/${task.task_id}`)).toEqual(task);
});

test("show tells all of a task, in the time of this machine, and --logs what it has logged", async () => {
  const { task_id } = await client.submit({ func_name: "fails" });
  const task = await client.final(task_id);
  const { stdout } = await taskflow(env, "show", task_id);
  const kolkata = new Date(Date.parse(task.created_at) + 5.5 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");
  expect(stdout).toContain(`submitted   ${kolkata}  `);
  expect(stdout).toMatch(/status {6}failed after .*: PermanentError: never again/);
  expect(stdout).toMatch(/\n1 +\S+ \S+ +[\d.]+ m?s +failed +/);
  const json = await taskflow(env, "show", task_id, "--json", "--logs");
  expect(JSON.parse(json.stdout)).toEqual({ ...task, logs: await got(`/api/v1/tasks/${task_id}/logs`) });
});

test("whatever a handler says reaches no terminal as something that it obeys", async () => {
  await using gate = createGate();
  gate.open();
  const { task_id } = await client.submit({ func_name: "rogue", kwargs: { url: gate.url } });
  await client.final(task_id);
  const commands = [
    ["show", task_id, "--logs"],
    ["show", task_id, "--follow"],
    ["show", task_id, "--logs", "--json"],
    ["list"],
    ["list", "--json"],
    ["submit", "rogue", "--kwargs", JSON.stringify({ url: gate.url }), "--wait"],
  ];
  for (const command of commands) {
    const { stdout, stderr } = await taskflow(env, ...command);
    expect({ command, obeyed: obeyed.exec(stdout + stderr), isThere: /gnp\.exe/.test(stdout) }).toEqual({
      command,
      obeyed: null,
      isThere: true,
    });
  }
  const { stdout } = await taskflow(env, "show", task_id, "--json");
  expect(JSON.parse(stdout)).toEqual(await got(`/api/v1/tasks/${task_id}`));
});

test("list shows the newest first, by status and handler, through as many pages as it takes", async () => {
  const tasks = Array.from({ length: 1_000 }, () => ({ func_name: "add", kwargs: { a: 1, b: 1 }, delay: 3_600 }));
  const [first] = await Promise.all([1, 2].map(() => client.post("/api/v1/tasks/batch", { tasks })));
  expect(first?.status).toBe(201);
  const { stdout, stderr } = await taskflow(env, "list", "--status", "pending", "--limit", "1500", "--json");
  const listed: readonly WireTask[] = JSON.parse(stdout);
  expect(stderr).toBe("");
  expect(new Set(listed.map(({ task_id }) => task_id)).size).toBe(1_500);
  expect(listed.slice(0, 3)).toEqual((await got("/api/v1/tasks?status=pending&limit=3")) as WireTask[]);
  const table = await taskflow(env, "list", "--handler", "fails", "--limit", "1");
  expect(table.stdout.split("\n")[0]).toMatch(/^task +handler +status +submitted +took +outcome$/);
  expect(table.stdout.split("\n")[1]).toMatch(/^\S{36} {2}fails +failed +\S+ +.*PermanentError: never again$/);
  expect(table.stderr).toStartWith("There are more: --limit 10");
  expect(await taskflow(env, "list", "--handler", "nobody")).toEqual({
    exitCode: 0,
    stdout: "",
    stderr: "There are no such tasks.\n",
  });
});

test("whoever reads a list may stop reading, and that is no error", async () => {
  const words = "bun src/cli/main.ts list --status pending --limit 1500 --json; echo $? >&2";
  const command = ["bash", "-c", `{ ${words}; } | head -c 10`];
  const child = Bun.spawn(command, {
    cwd: join(import.meta.dir, "../.."),
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  expect(await Bun.readableStreamToText(child.stdout)).toHaveLength(10);
  expect(await Bun.readableStreamToText(child.stderr)).toBe("0\n");
});

test("cancel ends a task, retry submits it again, and what cannot be done is refused with a reason", async () => {
  await using gate = createGate();
  const { task_id } = await client.submit({ func_name: "rogue", kwargs: { url: gate.url } });
  await gate.arrived();
  const cancelled = await taskflow(env, "cancel", task_id);
  expect(cancelled).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(task_id) });
  expect(await client.final(task_id)).toMatchObject({ status: "cancelled" });
  expect(await taskflow(env, "cancel", task_id)).toMatchObject({ exitCode: 1, stdout: "" });
  gate.open();
  const again = await taskflow(env, "retry", task_id, "--wait", "--json");
  const task: WireTask = JSON.parse(again.stdout);
  expect(task).toMatchObject({ status: "completed", kwargs: { url: gate.url } });
  const refused = await taskflow(env, "retry", task.task_id, "--json");
  expect({ ...refused, stderr: JSON.parse(refused.stderr).code }).toEqual({
    exitCode: 1,
    stdout: "",
    stderr: "task_not_retryable",
  });
});

test.each<[number, string, string[]]>([
  [1, "/kwargs/b: missing required 'b'\n", ["submit", "add", "--kwargs", '{"a":1}']],
  [1, "\n  /kwargs/a: must be number\n  /kwargs/b: must be number\n", ["submit", "add", "--kwargs", '{"a":"","b":""}']],
  [1, "Did you mean 'add'?", ["submit", "ad"]],
  [1, "There is no task 'x/../y'.\n`taskflow list` shows", ["show", "x/../y"]],
  [1, "There is no handler 'nope'.", ["handlers", "nope"]],
  [2, "(Did you mean submit?)", ["submti", "add"]],
  [2, "(Did you mean --kwargs?)", ["submit", "add", "--kwarg", "{}"]],
  [2, "It is no JSON object, such as", ["submit", "add", "--kwargs", "[1]"]],
  [2, "In a shell it stands in single quotes", ["submit", "add", "--kwargs", "{a:1}"]],
  [2, "It is no JSON array, such as", ["submit", "add", "--args", "{}"]],
  [2, "Allowed choices are critical, high, normal, low.", ["submit", "add", "--priority", "top"]],
  [2, "It is a number of seconds", ["submit", "add", "--delay", "soon"]],
  [2, "It is a time such as", ["submit", "add", "--run-at", "tomorrow"]],
  [2, "cannot be used with", ["submit", "add", "--delay", "1", "--run-at", "2999-01-01T00:00Z"]],
  [2, "It is a whole number from 1 to 1000000.", ["list", "--limit", "0"]],
  [2, "too many arguments", ["show", "a", "b"]],
  [2, "missing required argument 'name'", ["submit"]],
  [2, "missing required argument 'file'", ["backup"]],
  [2, "'ftp://x' is no address of a server.", ["list", "--url", "ftp://x"]],
  [3, "There is no server at http://127.0.0.1:1.\nStart one", ["list", "--url", "http://127.0.0.1:1/"]],
])("exits with %d and says on stderr: %s", async (code, message, words) => {
  const { exitCode, stdout, stderr } = await taskflow(env, ...words);
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: code,
    stdout: "",
    stderr: expect.stringContaining(message),
  });
});

test("a missing, a wrong and a reading key are told apart, and never printed", async () => {
  const url = { TASKFLOW_URL: server.url };
  const without = await taskflow(url, "list");
  expect(without).toMatchObject({
    exitCode: 4,
    stderr: expect.stringContaining("No key was sent: set TASKFLOW_API_KEY"),
  });
  const wrong = await taskflow({ ...url, TASKFLOW_API_KEY: `${writeKey}x` }, "list");
  expect(wrong.stderr).not.toContain(writeKey);
  expect(wrong).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("is not one of the server's") });
  const reading = { ...url, TASKFLOW_API_KEY: readKey };
  expect(await taskflow(reading, "list", "--limit", "1")).toMatchObject({ exitCode: 0 });
  const refused = await taskflow(reading, "submit", "add", "--kwargs", '{"a":1,"b":1}');
  expect(refused).toMatchObject({ exitCode: 4, stdout: "", stderr: expect.stringContaining("with the scope write") });
  const noKey = await taskflow({ ...url, TASKFLOW_API_KEY: "no key\n!" }, "list");
  expect(noKey).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("TASKFLOW_API_KEY is no key.") });
});

test("what answers there and is no TaskFlow is not taken for one, and gets the key from no redirect", async () => {
  const seen: (string | null)[] = [];
  await using other = Bun.serve({
    port: 0,
    fetch(request) {
      seen.push(request.headers.get("authorization"));
      const { pathname } = new URL(request.url);
      if (pathname === "/elsewhere") return Response.json([]);
      return pathname === "/health" ? Response.json({ status: "up" }) : Response.redirect("/elsewhere");
    },
  });
  for (const command of ["list", "health"]) {
    const said = await taskflow({ ...env, TASKFLOW_URL: other.url.href }, command);
    expect(said).toMatchObject({ exitCode: 3, stdout: "", stderr: expect.stringContaining("is no TaskFlow.") });
  }
  expect(seen).toEqual([`Bearer ${writeKey}`, `Bearer ${writeKey}`]);
});

test("a submission whose answer is lost is not said to be undone", async () => {
  using broken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: (socket) => void socket.terminate() } });
  const there = { TASKFLOW_URL: `http://127.0.0.1:${broken.port}` };
  const submitted = await taskflow(there, "submit", "add");
  expect(submitted).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("may be done, or not: look before") });
  const listed = await taskflow(there, "list");
  expect(listed).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("There is no server at") });
});

test("health exits with 1 and the reason when the server is not healthy", async () => {
  const healthy = (await got("/health")) as object;
  await using draining = Bun.serve({
    port: 0,
    fetch: () => Response.json({ ...healthy, status: "draining", reason: "it stops" }, { status: 503 }),
  });
  const said = await taskflow({ TASKFLOW_URL: draining.url.href }, "health");
  expect(said).toMatchObject({ exitCode: 1, stderr: "", stdout: expect.stringMatching(/^draining: it stops\n/) });
});

test("handlers and health say what the API says", async () => {
  const handlers = await taskflow(env, "handlers");
  expect(handlers.stdout).toMatch(/\nadd +ready +Adds\nbroken +load_error +broken\.ts:1: .*does not load\n/);
  expect(JSON.parse((await taskflow(env, "handlers", "--json")).stdout)).toEqual(await got("/api/v1/handlers"));
  const one = await taskflow(env, "handlers", "add");
  expect(one.stdout).toMatch(/\na +required +\{"type":"number"\}\n/);
  const health = await taskflow(env, "health");
  expect(health).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^healthy\n\n {2}workers +2 of 2 up\n/) });
  const { status, workers } = JSON.parse((await taskflow(env, "health", "--json")).stdout);
  expect([status, workers.num_workers]).toEqual(["healthy", 2]);
});

test("Ctrl-C while a task is waited for leaves it running, and says how to go on", async () => {
  await using gate = createGate();
  await using waiting = start(env, "submit", "rogue", "--kwargs", JSON.stringify({ url: gate.url }), "--wait");
  const [, id = ""] = await waiting.printed(/rogue {2}(\S+)[\s\S]*50 %/);
  waiting.signal("SIGINT");
  expect(await waiting.exited).toBe(130);
  expect(waiting.output.stderr).toContain(`The task goes on. taskflow show ${id} --follow follows it`);
  gate.open();
  expect(await client.final(id)).toMatchObject({ status: "completed" });
});
