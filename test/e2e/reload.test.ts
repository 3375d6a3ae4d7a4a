import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { connect } from "../support/client.ts";
import { type LogEntry, startServer } from "../support/server.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A real server over a folder of these files, and the hands of someone who changes them. */
async function serve(files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "taskflow-test-"));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const tasksDir = join(folder, "tasks");
  const path = (name: string) => join(tasksDir, name);
  const write = (name: string, text: string) => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), text);
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  const server = await startServer({ tasksDir, env: { TMPDIR: folder, ...env } });
  cleanups.push(() => server[Symbol.asyncDispose]());
  const client = await connect(server.url);
  cleanups.push(async () => client[Symbol.dispose]());

  const changes = () => server.entries.filter(({ msg }) => msg.startsWith("handlers changed"));

  /** Does something to the files; resolves with the log's line when the server has taken it over. */
  async function change(act: () => void): Promise<LogEntry> {
    const before = changes().length;
    act();
    return server.entry((entry) => changes().indexOf(entry) >= before);
  }

  /** What an attempt of `name` returns, or how it fails. */
  async function run(name: string, kwargs: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const { task_id } = await client.submit({ func_name: name, kwargs, max_retries: 0 });
    const { status, result, error } = await client.final(task_id);
    return status === "completed" ? result : error;
  }

  const handler = async (name: string) => (await client.get(`/api/v1/handlers/${name}`)).json();
  return { folder, tasksDir, path, write, server, client, change, run, handler };
}

const returns = (value: unknown) => `export default () => ${JSON.stringify(value)};\n`;

describe("a file", () => {
  test("that is added can be called, and one that is removed cannot", async () => {
    const { write, path, change, run, client } = await serve({ "a.ts": returns(1) });
    expect(await change(() => write("b.ts", returns(2)))).toMatchObject({ generation: 2, added: ["b"], level: "info" });
    expect(await run("b")).toBe(2);
    expect(await change(() => rmSync(path("b.ts")))).toMatchObject({ generation: 3, removed: ["b"] });
    expect((await client.post("/api/v1/tasks", { func_name: "b" })).status).toBe(404);
    expect(await run("a")).toBe(1);
  });

  test("that is edited runs its new code, with a new schema, and only its generation rises", async () => {
    const { write, change, run, handler, client } = await serve({ "a.ts": returns(1), "b.ts": returns("b") });
    expect(await run("a")).toBe(1);
    const text = `import { defineTask, t } from "taskflow";
export default defineTask({ input: t.Object({ n: t.Number() }), run: ({ n }) => n + 1 });`;
    expect(await change(() => write("a.ts", text))).toMatchObject({ changed: ["a"] });
    expect(await run("a", { n: 4 })).toBe(5);
    expect((await client.post("/api/v1/tasks", { func_name: "a", kwargs: { m: 1 } })).status).toBe(422);
    expect([(await handler("a")).generation, (await handler("b")).generation]).toEqual([2, 1]);
    const { workers } = await (await client.get("/health")).json();
    const serving = workers.pool.filter(({ state }: { state: string }) => state !== "retiring");
    expect(serving.map(({ generation }: { generation: number }) => generation)).toEqual([2, 2]);
    expect(await (await client.get("/docs/json")).text()).toContain('"a.input"');
  });

  test("that is replaced by a rename runs its new code", async () => {
    const { write, path, change, run } = await serve({ "a.ts": returns(1) });
    write(".a.ts.tmp", returns(2));
    expect(await change(() => renameSync(path(".a.ts.tmp"), path("a.ts")))).toMatchObject({ changed: ["a"] });
    expect(await run("a")).toBe(2);
  });

  test("that is renamed is another handler", async () => {
    const { path, change, run, client } = await serve({ "old.ts": returns(1) });
    const entry = await change(() => renameSync(path("old.ts"), path("new.ts")));
    expect(entry).toMatchObject({ added: ["new"], removed: ["old"] });
    expect(await run("new")).toBe(1);
    const { tasks } = await (await client.get("/api/v1/registered-tasks")).json();
    expect(tasks).toEqual(["new"]);
  });

  test("in folders that are new is named after them", async () => {
    const { write, change, run, path } = await serve({ "a.ts": returns(1) });
    expect(await change(() => write("x/y/b.ts", returns(2)))).toMatchObject({ added: ["x:y:b"] });
    expect(await run("x:y:b")).toBe(2);
    await change(() => write("x/y/b.ts", returns(3)));
    expect(await run("x:y:b")).toBe(3);
    expect(await change(() => rmSync(path("x"), { recursive: true }))).toMatchObject({ removed: ["x:y:b"] });
  });

  test("in a tasks folder that was missing is found when it comes", async () => {
    const { write, change, run } = await serve({});
    expect(await change(() => write("a.ts", returns(1)))).toMatchObject({ added: ["a"] });
    expect(await run("a")).toBe(1);
    await change(() => write("a.ts", returns(2)));
    expect(await run("a")).toBe(2);
  });
});

describe("a helper", () => {
  const user = 'import { word } from "./lib/_words.ts";\nexport default () => word;\n';

  test("takes effect in the handlers that import it, and in those alone", async () => {
    const files = { "a.ts": user, "b.ts": returns("b"), "lib/_words.ts": 'export const word = "one";' };
    const { write, change, run } = await serve(files);
    expect(await run("a")).toBe("one");
    const entry = await change(() => write("lib/_words.ts", 'export const word = "two";'));
    expect(entry.changed).toEqual(["a"]);
    expect(await run("a")).toBe("two");
  });

  test("of which one handler needs the old version and one the new serves both", async () => {
    const files = { "a.ts": user, "b.ts": user, "lib/_words.ts": 'export const word = "one";' };
    const { write, change, run } = await serve(files);
    const entry = await change(() => {
      write("lib/_words.ts", 'export const term = "two";');
      write("b.ts", 'import { term } from "./lib/_words.ts";\nexport default () => term;\n');
    });
    expect(entry).toMatchObject({ level: "warn", changed: ["b"], failed: [expect.stringContaining("a.ts:1: ")] });
    expect([await run("a"), await run("b")]).toEqual(["one", "two"]);
  });
});

describe("a file that does not load any more", () => {
  test.each([
    ["a syntax error", "export default () => {;\n}}", 2, /Unexpected/],
    ["a throw at load", 'const x = 1;\nthrow new Error("no database");', 2, /^Error: no database$/],
    ["no handler in it", "export const x = 1;", null, /^no default export/],
  ])("leaves its last good version serving, and says why: %s", async (_, text, line, message) => {
    const { write, change, run, handler, client, server } = await serve({ "a.ts": returns(1) });
    const entry = await change(() => write("a.ts", text));
    const place = line === null ? "a.ts: " : `a.ts:${line}: `;
    expect(entry).toMatchObject({ level: "warn", failed: [expect.stringContaining(place)] });
    expect(await handler("a")).toMatchObject({
      status: "load_error",
      generation: 2,
      serving_generation: 1,
      error: { file: "a.ts", line, message: expect.stringMatching(message) },
    });
    expect(await run("a")).toBe(1);
    // A worker that starts while the file is broken loads the good version, too.
    await killWorkers(client, server);
    expect(await run("a")).toBe(1);
    await change(() => write("a.ts", returns(2)));
    expect(await run("a")).toBe(2);
    expect(await handler("a")).toMatchObject({ status: "ready", error: null, serving_generation: 3 });
  });

  test("leaves it serving while a load does not end, and what is saved next takes effect", async () => {
    const { write, change, run } = await serve({ "a.ts": returns(1), "b.ts": returns("b") });
    const loading = Promise.withResolvers<void>();
    const listener = Bun.serve({
      port: 0,
      fetch() {
        loading.resolve();
        return new Response();
      },
    });
    cleanups.push(() => listener.stop(true));
    write("a.ts", `await fetch("${listener.url}");\nfor (;;);\n`);
    await loading.promise;
    expect(await run("a")).toBe(1);
    expect(await change(() => write("a.ts", returns(2)))).toMatchObject({ changed: ["a"] });
    expect(await run("a")).toBe(2);
  }, 20_000);

  test("and never did is refused with the reason until it loads", async () => {
    const { write, change, run, client } = await serve({ "a.ts": returns(1) });
    await change(() => write("b.ts", "export default ("));
    const refused = await client.post("/api/v1/tasks", { func_name: "b" });
    expect(refused.status).toBe(503);
    expect((await refused.json()).detail).toStartWith("Handler 'b' does not load: b.ts:1: ");
    await change(() => write("b.ts", returns("b")));
    expect(await run("b")).toBe("b");
  });

  test("for want of a package loads when that is installed", async () => {
    const { folder, write, change, run } = await serve({ "a.ts": returns(1) });
    const entry = await change(() => write("b.ts", 'import late from "late";\nexport default () => late;'));
    expect(entry.failed).toEqual(["b.ts:1: Cannot find package 'late' imported from b.ts"]);
    await change(() => {
      mkdirSync(join(folder, "node_modules/late"), { recursive: true });
      writeFileSync(join(folder, "node_modules/late/index.js"), 'module.exports = "here";');
    });
    expect(await run("b")).toBe("here");
  });

  test("because a second one has its name leaves the first serving until either goes", async () => {
    const { write, path, change, run, handler } = await serve({ "x.ts": returns("file") });
    const entry = await change(() => write("x/index.ts", returns("folder")));
    expect(entry.failed).toEqual([
      "x.ts: x.ts and x/index.ts both are handler x",
      "x/index.ts: x.ts and x/index.ts both are handler x",
    ]);
    expect(await handler("x")).toMatchObject({ status: "load_error", serving_generation: 1 });
    expect(await run("x")).toBe("file");
    await change(() => rmSync(path("x.ts")));
    expect(await run("x")).toBe("folder");
  });
});

describe("tasks", () => {
  /** Returns its version once a file called `go` is there; says so in its log when it waits. */
  const waits = (version: string) => `import { existsSync } from "node:fs";
export default async (input, ctx) => {
  ctx.log.info("waiting");
  while (!existsSync(input.go)) await ctx.sleep(10);
  return "${version}";
};
`;

  test("that run at the change finish on their own code, those that wait run on the new, and none is lost or run twice", async () => {
    const { folder, write, change, client } = await serve({ "a.ts": waits("old") }, { TASKFLOW_CONCURRENCY: "10" });
    const go = join(folder, "go");
    const submitted = await Promise.all(
      Array.from({ length: 50 }, () => client.submit({ func_name: "a", kwargs: { go } })),
    );
    const isRunning = new Set(submitted.slice(0, 20).map(({ task_id }) => task_id));
    await Promise.all([...isRunning].map((id) => client.event(id, ({ type }) => type === "task_log")));
    await change(() => write("a.ts", waits("new")));
    writeFileSync(go, "");
    const tasks = await Promise.all(submitted.map(({ task_id }) => client.final(task_id)));
    for (const { task_id, status, result } of tasks) {
      expect([status, result]).toEqual(["completed", isRunning.has(task_id) ? "old" : "new"]);
      const attempts = await (await client.get(`/api/v1/tasks/${task_id}/attempts`)).json();
      expect(attempts).toHaveLength(1);
    }
  }, 20_000);

  /** Takes the handler `a` away while a task of it waits, which is then looked at in vain. */
  async function removeUnderTask(env: Readonly<Record<string, string>> = {}) {
    const files = { "a.ts": returns(1), "b.ts": returns("b"), "holds.ts": waits("held") };
    const served = await serve(files, { TASKFLOW_NUM_WORKERS: "1", ...env });
    const { folder, path, change, client } = served;
    const go = join(folder, "go");
    const holder = await client.submit({ func_name: "holds", kwargs: { go } });
    await client.event(holder.task_id, ({ type }) => type === "task_log");
    const { task_id } = await client.submit({ func_name: "a" });
    await change(() => rmSync(path("a.ts")));
    // The new worker is free: this one is claimed after that of the handler that is gone.
    const next = await client.submit({ func_name: "b" });
    writeFileSync(go, "");
    await client.final(next.task_id);
    return { ...served, task_id };
  }

  test("of a handler that is gone wait, and run when its file comes back", async () => {
    const { write, change, client, task_id } = await removeUnderTask();
    expect(await (await client.get(`/api/v1/tasks/${task_id}`)).json()).toMatchObject({
      status: "pending",
      error: null,
    });
    await change(() => write("a.ts", returns("back")));
    expect(await client.final(task_id)).toMatchObject({ status: "completed", result: "back", retry_count: 0 });
  }, 20_000);

  test("of a handler that stays away fail with the reason, whatever happens to others", async () => {
    const { write, change, client, task_id } = await removeUnderTask({ TASKFLOW_HANDLER_WAIT: "1" });
    await change(() => write("b.ts", returns("another")));
    expect(await client.final(task_id)).toMatchObject({
      status: "failed",
      error_kind: "load_error",
      error: "LoadError: there is no handler 'a'",
    });
  }, 20_000);
});

describe("the watch", () => {
  test("takes 200 files at once, and all of them away", async () => {
    const { write, path, run, client, server } = await serve({ "a.ts": returns("a") });
    const names = Array.from({ length: 200 }, (_, n) => `many/f${n}`);
    for (const name of names) write(`${name}.ts`, returns(name));
    const added = () => server.entries.flatMap((entry) => (Array.isArray(entry.added) ? entry.added : []));
    await server.entry(() => added().length === 200);
    const results = await Promise.all(names.map((name) => run(name.replace("/", ":"))));
    expect(results).toEqual(names);
    rmSync(path("many"), { recursive: true });
    const removed = () => server.entries.flatMap((entry) => (Array.isArray(entry.removed) ? entry.removed : []));
    await server.entry(() => removed().length === 200);
    expect(await (await client.get("/api/v1/registered-tasks")).json()).toEqual({ tasks: ["a"] });
  }, 20_000);

  test("by polling notices the same without being told by the system", async () => {
    const { write, path, change, run } = await serve({ "a.ts": returns(1) }, { TASKFLOW_WATCH: "poll" });
    await change(() => write("a.ts", returns(2)));
    expect(await run("a")).toBe(2);
    await change(() => write("x/b.ts", returns("b")));
    expect(await run("x:b")).toBe("b");
    expect(await change(() => rmSync(path("a.ts")))).toMatchObject({ removed: ["a"] });
  });

  test("that is off leaves the handlers as they were, even for workers that start later", async () => {
    const { write, run, client, server } = await serve({ "a.ts": returns(1) }, { TASKFLOW_WATCH: "off" });
    write("a.ts", returns(2));
    await killWorkers(client, server);
    expect(await run("a")).toBe(1);
  });

  test("notices what lies behind a link", async () => {
    const { folder, path, change, run } = await serve({ "a.ts": returns("a") });
    mkdirSync(join(folder, "elsewhere"));
    writeFileSync(join(folder, "elsewhere/b.ts"), returns(1));
    await change(() => symlinkSync(join(folder, "elsewhere"), path("linked")));
    expect(await run("linked:b")).toBe(1);
    await change(() => writeFileSync(join(folder, "elsewhere/b.ts"), returns(2)));
    expect(await run("linked:b")).toBe(2);
  });

  test("leaves no process and no folder of the code that was replaced", async () => {
    const { folder, write, change, server } = await serve({ "a.ts": returns(0) });
    for (let n = 1; n <= 5; n++) await change(() => write("a.ts", returns(n)));
    const ended = () => server.entries.filter(({ msg }) => msg === "worker ended").length;
    await server.entry(() => ended() === 10);
    await change(() => write("a.ts", returns("last")));
    await server.entry(() => ended() === 12);
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    expect(readdirSync(folder).filter((name) => name.startsWith("taskflow-") && !name.includes("test"))).toEqual([]);
  });
});

type Served = Awaited<ReturnType<typeof serve>>;

/** Ends every worker from outside; resolves when others are ready in their place. */
async function killWorkers(client: Served["client"], server: Served["server"]): Promise<void> {
  const ready = () => server.entries.filter(({ msg }) => msg === "worker ready").length;
  const before = ready();
  const { workers } = await (await client.get("/health")).json();
  const pids: number[] = workers.pool.map(({ pid }: { pid: number }) => pid);
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await server.entry(() => ready() >= before + pids.length);
}
