import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { workerWord } from "../../src/runtime/executable.ts";
import { type Launched, launch, processes } from "../support/server.ts";

// Building takes seconds, on machines that may be busy.
setDefaultTimeout(120_000);

/** Handlers and their packages, as someone who has the executable only would write them. */
const files = {
  "tasks/greet.ts": `
    import { defineTask, t } from "taskflow";
    import { loud } from "loud";
    import { mark } from "@own/mark.ts";
    export default defineTask({
      input: t.Object({ name: t.String() }),
      run({ name }, ctx) {
        ctx.log.info("greeting");
        return loud(name) + mark + (process.env.TASKFLOW_API_KEYS ?? "");
      },
    });`,
  "tasks/fails.ts": `
    const { PermanentError } = require("taskflow");
    export default () => { throw new PermanentError("for good"); };`,
  "tasks/loops.ts": "export default () => { for (;;); };",
  "tasks/lacks.ts": 'import "no-such-package-of-anyone"; export default () => 1;',
  "tasks/tsconfig.json": '{ "compilerOptions": { "paths": { "@own/*": ["./_own/*"] } } }',
  "tasks/_own/mark.ts": 'export const mark = "!";',
  "tasks/node_modules/loud/package.json": '{ "name": "loud", "type": "module", "exports": { "import": "./loud.js" } }',
  "tasks/node_modules/loud/loud.js": "export const loud = (text) => text.toUpperCase();",
  ".env": "TASKFLOW_PORT=0\nTASKFLOW_NUM_WORKERS=2\nTASKFLOW_API_KEYS=me:a-key-of-this-server",
};

let folder: string;
let executable: string;
let server: Launched;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "taskflow-test-"));
  executable = join(folder, "bin", "taskflow");
  await using build = launch([process.execPath, "run", "build", "--outfile", executable], {
    env: { PATH: process.env.PATH ?? "" },
  });
  if ((await build.exited) !== 0) throw new Error(build.output.stderr);
  for (const [path, text] of Object.entries(files)) await Bun.write(join(folder, path), text);
  server = launch([executable, "start"], { cwd: folder, env: { PATH: "/nowhere" } });
  const [, at = ""] = await server.printed(/"url":"([^"]+)".*"msg":"listening"/);
  url = at;
}, 120_000);

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the executable as a command, from a folder that holds nothing. */
async function taskflow(...words: readonly string[]) {
  const cwd = join(folder, "elsewhere");
  await mkdir(cwd, { recursive: true });
  const env = { PATH: "/nowhere", TASKFLOW_URL: url, TASKFLOW_API_KEY: "a-key-of-this-server" };
  await using child = launch([executable, ...words], { cwd, env });
  return { exitCode: await child.exited, ...child.output };
}

test("the executable serves the tasks folder beside it, reads .env, and keeps its data there", async () => {
  expect(await taskflow("health")).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("of 2 up") });
  expect(await readdir(join(folder, "data"))).toContain("taskflow.db");
  const { stdout } = await taskflow("handlers");
  expect(stdout).toMatch(/\nfails +ready\ngreet +ready\nlacks +load_error +lacks\.ts:1: Cannot find package 'no-such/);
});

test("its handlers import taskflow, packages of their own and by the paths of their tsconfig.json", async () => {
  const { exitCode, stdout } = await taskflow("submit", "greet", "--args", '["you"]', "--wait");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/ info {3}greeting\n[\s\S]*\n"YOU!"\n$/);
  const failed = await taskflow("submit", "fails", "--wait");
  expect({ exitCode: failed.exitCode, stdout: failed.stdout }).toEqual({
    exitCode: 1,
    stdout: expect.stringMatching(/: PermanentError: for good\n$/),
  });
});

test("its timeout ends a handler that loops", async () => {
  const { exitCode, stdout } = await taskflow("submit", "loops", "--timeout", "0.2", "--max-retries", "0", "--wait");
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/: TimeoutError: Task exceeded its timeout of 0\.2s\n$/);
});

test("a handler that changes is live, without Bun on the machine", async () => {
  await Bun.write(join(folder, "tasks/later.ts"), "export default () => 'came later';");
  await server.printed(/"later"/);
  expect((await taskflow("submit", "later", "--wait")).stdout).toEndWith('\n"came later"\n');
});

test("its API refuses as any other server does, and its pages are inside", async () => {
  const { stderr } = await taskflow("submit", "greet", "--kwargs", '{"name":5}', "--json");
  expect(JSON.parse(stderr).errors).toEqual([{ path: "/kwargs/name", message: "must be string" }]);
  const headers = { authorization: "Bearer a-key-of-this-server" };
  expect(await (await fetch(`${url}/docs/json`, { headers })).json()).toMatchObject({ openapi: expect.any(String) });
  for (const page of ["/docs", "/redoc", "/dashboard"]) {
    const html = await (await fetch(`${url}${page}`)).text();
    const assets = [...html.matchAll(/"(\/(?:docs|dashboard)\/assets\/[^"]+)"/g)].map(([, path]) => path);
    expect(assets).not.toBeEmpty();
    for (const path of assets) {
      const response = await fetch(`${url}${path}`);
      expect({ path, status: response.status, isEmpty: (await response.bytes()).length === 0 }).toEqual({
        path,
        status: 200,
        isEmpty: false,
      });
    }
  }
});

test("without a command it prints its help", async () => {
  const { exitCode, stderr } = await taskflow();
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining("Usage: taskflow") });
});

test("it explains cron expressions and copies databases", async () => {
  expect((await taskflow("cron", "@daily", "--count", "1")).stdout).toStartWith("At 00:00, in UTC.\n");
  await using copy = launch([executable, "backup", "copy.db"], { cwd: folder, env: {} });
  expect(await copy.exited).toBe(0);
  expect(copy.output.stdout).toMatch(/copy\.db: \d+ tasks, [\d.]+ MB, checked\n$/);
});

test("SIGTERM stops it with 0, and leaves no worker behind", async () => {
  const workers = () =>
    processes((words) => words.includes(workerWord) && words[words.indexOf(workerWord) + 1] === String(server.pid));
  expect(workers().length).toBeGreaterThanOrEqual(2);
  server.signal("SIGTERM");
  expect(await server.exited).toBe(0);
  expect(workers()).toEqual([]);
});
