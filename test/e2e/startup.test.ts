import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TestClient } from "../support/client.ts";
import { launchServer, startServer, type TestServer, workersOf } from "../support/server.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

/** A folder for the tests of this file, outside of the project. */
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "taskflow-test-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a tasks folder outside of the project, with good and bad files", () => {
  let server: TestServer;
  let client: TestClient;

  beforeAll(async () => {
    await cp(join(import.meta.dir, "../fixtures/e2e/mixed"), join(folder, "mixed"), { recursive: true });
    server = await startServer({ tasksDir: join(folder, "mixed"), env: { TASKFLOW_NUM_WORKERS: "1" } });
    client = await connect(server.url);
  });

  afterAll(async () => {
    client?.[Symbol.dispose]();
    await server?.[Symbol.asyncDispose]();
  });

  const ready = ["greet", "plain", "reports", "reports:daily", "reports:daily:sales"];
  const broken = [
    { name: "syntax", file: "syntax.ts", line: 3, message: 'Expected identifier but found "=>"' },
    { name: "throws", file: "throws.ts", line: 4, message: "RangeError: the limit is no number" },
    { name: "twice", file: "twice.ts", line: null, message: "twice.ts and twice/index.ts both are handler twice" },
    {
      name: "twice",
      file: "twice/index.ts",
      line: null,
      message: "twice.ts and twice/index.ts both are handler twice",
    },
  ];

  test("the log says at the start which handlers are loaded, and of each other where and why it is not", () => {
    expect(server.entries.find(({ msg }) => msg === "listening")).toMatchObject({
      level: "info",
      url: server.url,
      dashboard: `${server.url}/dashboard`,
      docs: `${server.url}/docs`,
      websocket: `${server.url.replace("http", "ws")}/ws`,
      handlers: ready,
    });
    const faults = server.entries.filter(({ msg }) => msg === "handler not loaded");
    expect(faults).toMatchObject(broken.map(({ name, ...fault }) => ({ level: "error", func_name: name, ...fault })));
    expect(server.output.stderr).toBe("");
  });

  test("people are told the same, with the addresses and something to try", async () => {
    await using shown = launchServer({
      dataDir: join(folder, "pretty"),
      tasksDir: join(folder, "mixed"),
      env: { TASKFLOW_LOG_FORMAT: "pretty", TASKFLOW_NUM_WORKERS: "0" },
    });
    const [, url = ""] = await shown.printed(/INFO +listening +url=(\S+)/);
    shown.signal("SIGTERM");
    expect(await shown.exited).toBe(0);
    const lines = shown.output.stdout.split("\n").map((line) => line.trim().replace(/ {2,}/g, "  "));
    expect(lines).toEqual(
      expect.arrayContaining([
        `API  ${url}/api/v1`,
        `Dashboard  ${url}/dashboard`,
        `Docs  ${url}/docs  (ReDoc: ${url}/redoc)`,
        `WebSocket  ${url.replace("http", "ws")}/ws`,
        `Handlers in ${join(folder, "mixed")}: 5 loaded, 4 not`,
        "✓ greet  Greet someone",
        "✓ reports:daily:sales",
        '✗ syntax  syntax.ts:3: Expected identifier but found "=>"',
        "✗ throws  throws.ts:4: RangeError: the limit is no number",
        expect.stringMatching(/^✗ twice .*twice\.ts and twice\/index\.ts both are handler twice$/),
        `Try: curl ${url}/api/v1/tasks -H 'content-type: application/json' -d '{"func_name": "greet"}'`,
      ]),
    );
    expect(shown.output.stderr).toBe("");
  });

  test("the API lists them all, and a submission to one that does not load is a 503 that says where and why", async () => {
    const listed: Record<string, unknown>[] = await (await client.get("/api/v1/handlers")).json();
    expect(listed.filter(({ status }) => status === "ready").map(({ name }) => name)).toEqual(ready);
    expect(listed.filter(({ status }) => status === "load_error")).toMatchObject(
      broken.map(({ name, file, line, message }) => ({ name, file, error: { file, line, message } })),
    );
    expect(await (await client.get("/api/v1/registered-tasks")).json()).toEqual({ tasks: ready });

    const refused = await client.post("/api/v1/tasks", { func_name: "throws" });
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(await refused.json()).toMatchObject({
      code: "handler_load_error",
      detail: "Handler 'throws' does not load: throws.ts:4: RangeError: the limit is no number",
    });
  });

  test("an unknown handler is a 404 that lists once what is registered", async () => {
    const refused = await client.post("/api/v1/tasks", { func_name: "nobody" });
    expect(refused.status).toBe(404);
    const { detail } = await refused.json();
    expect(detail).toEndWith(`Registered: ${ready.join(", ")}.`);
  });

  test.each([
    ["greet", { args: ["Ada"] }, "Hello Ada"],
    ["greet", {}, "Hello you"],
    ["plain", { kwargs: { a: [1, { b: null }] } }, { given: { a: [1, { b: null }] } }],
    ["reports", {}, "all reports"],
    ["reports:daily:sales", {}, "sales"],
  ])("%s with %j completes", async (func_name, input, result) => {
    const { task_id } = await client.submit({ func_name, ...input });
    expect(await client.final(task_id)).toMatchObject({ status: "completed", result });
  });

  test("an error that handlers import from taskflow is the one the server knows", async () => {
    const { task_id } = await client.submit({ func_name: "reports:daily" });
    expect(await client.final(task_id)).toMatchObject({ status: "failed", error_kind: "permanent", retry_count: 0 });
  });
});

describe("a server that cannot start exits with 1, says why, and leaves nothing behind:", () => {
  /** Starts a server that is to end by itself. */
  async function refusal(env: Readonly<Record<string, string>>): Promise<string> {
    const temporary = await mkdtemp(join(folder, "temporary-"));
    const tasksDir = join(import.meta.dir, "tasks");
    await using server = launchServer({ dataDir: join(folder, "data"), tasksDir, env: { TMPDIR: temporary, ...env } });
    expect(await server.exited).toBe(1);
    const { stdout, stderr } = server.output;
    expect(stdout).toBe("");
    expect(stderr).toStartWith("TaskFlow did not start.\n");
    // A sentence for whoever starts it, not where in the server it was thrown.
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(workersOf(server.pid)).toEqual([]);
    expect(await readdir(temporary)).toEqual([]);
    return stderr.split("\n").slice(1).join("\n").trim();
  }

  test("a second one on the same database names the first", async () => {
    const dataDir = join(folder, "shared");
    await mkdir(dataDir);
    await using first = await startServer({ dataDir, env: { TASKFLOW_NUM_WORKERS: "0" } });
    const reason = await refusal({ TASKFLOW_DATABASE: `sqlite:${join(dataDir, "taskflow.db")}` });
    expect(reason).toContain(`in use by another TaskFlow server (pid ${first.pid} on `);
    expect((await fetch(`${first.url}/health`)).status).toBe(200);
  });

  test("every fault of the configuration is listed at once, and no secret is", async () => {
    const reason = await refusal({
      TASKFLOW_PORT: "99999",
      TASKFLOW_NUM_WORKERS: "many",
      TASKFLOW_KILL_GRACE: "2s",
      TASKFLOW_DATABASE: "mysql://root@db/tasks",
      TASKFLOW_API_KEYS: "ci:tooshort",
      TASKFLOW_POTR: "8001",
    });
    const faults = reason.split("\n");
    expect(faults).toHaveLength(6);
    expect(faults).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^- TASKFLOW_PORT is "99999": must be a whole number from 0 to 65535/),
        expect.stringMatching(/^- TASKFLOW_NUM_WORKERS is "many": must be a whole number/),
        expect.stringMatching(/^- TASKFLOW_KILL_GRACE is "2s": must be a number of seconds/),
        expect.stringMatching(/^- TASKFLOW_DATABASE is .*: must be sqlite:PATH or sqlite::memory:/),
        expect.stringMatching(/^- TASKFLOW_API_KEYS is \(not shown\): entry 1 must have a key of 16 to 256 characters/),
        "- TASKFLOW_POTR is no variable of this server. Did you mean 'TASKFLOW_PORT'?",
      ]),
    );
    expect(reason).not.toContain("tooshort");
    expect(reason).not.toContain("root@db");
  });

  test("a port in use is named, with the variable that sets another", async () => {
    // One that would share it: the server must not.
    using other = Bun.serve({ hostname: "127.0.0.1", port: 0, reusePort: true, fetch: () => new Response() });
    const reason = await refusal({ TASKFLOW_PORT: String(other.port) });
    expect(reason).toContain(String(other.port));
    expect(reason).toContain("TASKFLOW_PORT");
  });

  test("an address that is not this machine's is named, with the variable that sets another", async () => {
    const reason = await refusal({ TASKFLOW_HOST: "192.0.2.1", TASKFLOW_API_KEYS: "ci:0123456789abcdef" });
    expect(reason).toContain("192.0.2.1");
    expect(reason).toContain("TASKFLOW_HOST");
  });

  test("a folder for temporary files that cannot be written is named, with the variable that sets another", async () => {
    const reason = await refusal({ TMPDIR: "/proc" });
    expect(reason).toContain("temporary files in /proc");
    expect(reason).toContain("set TMPDIR to another folder");
  });

  test("a database below a file, or in the place of a folder, is named", async () => {
    const file = join(folder, "a-file");
    await Bun.write(file, "not a folder");
    expect(await refusal({ TASKFLOW_DATABASE: `sqlite:${join(file, "taskflow.db")}` })).toContain(file);
    expect(await refusal({ TASKFLOW_DATABASE: `sqlite:${folder}` })).toContain(folder);
    expect(await refusal({ TASKFLOW_DATABASE: `sqlite:${file}` })).toContain("is not a SQLite database");
  });
});

test("a relative path of a database is meant from where the server is started", async () => {
  const cwd = await mkdtemp(join(folder, "relative-"));
  await mkdir(join(cwd, "tasks"));
  await using server = await startServer({ cwd, env: { TASKFLOW_DATABASE: "sqlite:kept/tasks.db" } });
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  expect(await readdir(join(cwd, "kept"))).toContain("tasks.db");
});
