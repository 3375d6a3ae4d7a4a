import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { completed, outside, shared, start, temporaryFolder } from "./harness.ts";

const basic = shared("basic");

describe("an attempt", () => {
  test("gets its input and gives its result as they are, whatever they hold", async () => {
    const { result } = await basic();
    const deep = JSON.parse(`${"[".repeat(199)}${"]".repeat(199)}`);
    const proto = JSON.parse('{"__proto__":{"a":1},"constructor":"x"}');
    const values = ["\u0000 \ud800 \udfff \u2028 é 😀", deep, proto, 0, -1.5e-300, false, [], {}, "x".repeat(900_000)];
    for (const value of values) expect(JSON.stringify(await result("echo", value))).toBe(JSON.stringify(value));
  });

  test("that returns undefined or null has no result", async () => {
    const { run } = await basic();
    expect((await run("nothing")).outcome).toEqual(completed(null));
    expect((await run("echo", null)).outcome).toEqual(completed(null));
  });

  test("knows its task, its number and its times", async () => {
    const { result } = await basic();
    const request = { taskId: "0198", attempt: 2, maxAttempts: 4, scheduledFor: 0, lastRunAt: null };
    expect(await result("context", {}, request)).toEqual({
      ...request,
      scheduledFor: "1970-01-01T00:00:00.000Z",
      aborted: false,
    });
  });

  test("works from a folder outside of the checkout, by import, by require and with helpers", async () => {
    const { result } = await start(await outside("basic"));
    expect(await result("greet", { name: "Ada" })).toBe("Greeted Ada");
    expect(await result("nested:deep:common")).toBe("from CommonJS");
    expect(await result("nested")).toBe(true);
  });

  test("of a handler that nobody has loaded fails with load_error", async () => {
    const { run } = await basic();
    const { outcome } = await run("nobody");
    expect(outcome).toMatchObject({ kind: "failed", errorKind: "load_error", error: "LoadError: no handler 'nobody'" });
  });

  test("sees nothing of the server but a few variables and those that are named", async () => {
    process.env.TASKFLOW_SECRET_OF_THE_TEST = "secret";
    try {
      const folder = await outside("basic");
      await Bun.write(join(folder, ".env"), "FROM_ENV_FILE=1");
      const { result } = await start(folder, { handlerEnv: { SMTP_HOST: "mail" } });
      const seen = await result("environment");
      const env = Object.fromEntries(
        ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "NODE_ENV"].flatMap((name) =>
          process.env[name] === undefined ? [] : [[name, process.env[name]]],
        ),
      );
      expect(seen).toEqual({
        env: { ...env, SMTP_HOST: "mail", TASKFLOW_URL: "http://localhost:8000" },
        cwd: expect.stringContaining("taskflow-"),
        files: [],
        send: "undefined",
        disconnect: "undefined",
      });
    } finally {
      delete process.env.TASKFLOW_SECRET_OF_THE_TEST;
    }
  });
});

describe("the signal", () => {
  test.each([
    ["timeout", "TimeoutError", "the task exceeded its timeout"],
    ["cancelled", "AbortError", "the task was cancelled"],
    ["shutdown", "AbortError", "the server is stopping"],
  ] as const)("aborts at a %s with a reason that says so, and ends a sleep", async (reason, name, message) => {
    const { begin } = await basic();
    for (const by of ["sleep", "listener"]) {
      const { attempt, logged, ended } = await begin("waits", { by });
      await logged;
      attempt.abort(reason);
      const { outcome } = await ended;
      expect(outcome.kind === "completed" && JSON.parse(outcome.result ?? "")).toEqual({
        name,
        message,
        isError: true,
      });
    }
  });

  test("is aborted for a handler that looks at it late", async () => {
    const { begin } = await basic();
    const { attempt, logged, ended } = await begin("aborts_late");
    await logged;
    attempt.abort("timeout");
    expect((await ended).outcome).toMatchObject({ result: '"TimeoutError"' });
  });
});

describe("progress", () => {
  test("is sent at once, then ten times a second at most, and the latest before the end", async () => {
    const { run } = await basic();
    const { progress } = await run("progress");
    expect(progress[0]).toEqual({ fraction: 0, message: "step 0" });
    expect(progress.at(-1)).toEqual({ fraction: 1, message: "step 1000" });
    expect(progress.length).toBeLessThan(100);
  });

  test.each(["nan", "above", "below", "text", "none"])("of a fraction that is none (%s) throws", async (fraction) => {
    const { run } = await basic();
    const { outcome, progress } = await run("bad_progress", { fraction });
    expect(outcome).toMatchObject({ errorKind: "handler", error: expect.stringMatching(/^TypeError: progress takes/) });
    expect(progress).toEqual([]);
  });
});

describe("a result", () => {
  test("may hold what JSON can express", async () => {
    const { run } = await basic();
    const held = { at: "1970-01-01T00:00:00.000Z", point: { x: 1, y: 2 }, own: "own" };
    expect((await run("results", { what: "point" })).outcome).toEqual(completed(held));
    expect((await run("results", { what: "deep200" })).outcome.kind).toBe("completed");
  });

  test.each([
    ["bigint", "result.items[3] is a BigInt, which JSON cannot hold"],
    ["map", "result is a Map, which JSON cannot hold"],
    ["cycle", "result.inner.cycle contains itself, which JSON cannot hold"],
    ["promise", "result.later is a Promise, which JSON cannot hold"],
    ["error", "result.error is an Error, which JSON cannot hold"],
    ["getter", "a getter, toJSON or proxy in the result threw Error: boom"],
    ["huge", "the result is larger than 1048576 bytes of JSON, the most a task may return"],
  ])("that holds no JSON (%s) fails, and says where", async (what, error) => {
    const { run, result } = await basic();
    const { outcome } = await run("results", { what });
    expect(outcome).toMatchObject({
      kind: "failed",
      errorKind: "invalid_result",
      error: `InvalidResultError: ${error}`,
    });
    expect(await result("echo", 1)).toBe(1);
  });

  test("nested deeper than 200 levels fails", async () => {
    const { run } = await basic();
    const { outcome } = await run("results", { what: "deep201" });
    expect(outcome).toMatchObject({ error: expect.stringContaining("is nested deeper than 200 levels") });
  });
});

test("a folder that is missing has no handlers, with a warning", async () => {
  const { catalog, warnings } = await start(join(await temporaryFolder(), "nowhere"));
  expect(catalog.list()).toEqual([]);
  expect(warnings[0]?.message).toContain("cannot read the tasks folder");
});
