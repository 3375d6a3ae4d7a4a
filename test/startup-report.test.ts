import { describe, expect, test } from "bun:test";
import { readConfig } from "../src/config.ts";
import type { Handler } from "../src/engine/runner.ts";
import { reachableUrl, resolveAccess } from "../src/server-access.ts";
import { startupText } from "../src/startup-report.ts";
import { brokenHandler, readyHandler } from "./http/docs/app.ts";

const ownKey = "k".repeat(20);

function textFor(env: Record<string, string>, handlers: readonly Handler[]): string {
  const config = readConfig(env);
  const access = resolveAccess(config);
  return startupText({ url: "http://127.0.0.1:8000", version: "1.2.3", config, access, handlers });
}

describe("what is printed at the start", () => {
  test("says where everything is, which handlers were loaded and which were not, and what to try", () => {
    const text = textFor({}, [
      readyHandler("hello_world", null, "Greet someone: by name"),
      brokenHandler("bad", "no `;`"),
    ]);
    expect(text).toContain("http://127.0.0.1:8000/api/v1");
    expect(text).toContain("http://127.0.0.1:8000/dashboard\n");
    expect(text).toContain("http://127.0.0.1:8000/docs");
    expect(text).toContain("ws://127.0.0.1:8000/ws");
    expect(text).toContain("./tasks: 1 loaded, 1 not");
    expect(text).toContain("✓ hello_world  Greet someone\n");
    expect(text).toMatch(/✗ bad {10}bad\.ts(:\d+)?: no `;`\n/);
    expect(text).toContain(`-d '{"func_name": "hello_world"}'`);
  });

  test("tells a newcomer with an empty folder what to do", () => {
    expect(textFor({}, [])).toContain("none yet: drop a TypeScript file there");
  });

  test("says that nothing runs without workers, and that a database in memory is forgotten", () => {
    const text = textFor({ TASKFLOW_NUM_WORKERS: "0", TASKFLOW_DATABASE: "sqlite::memory:" }, []);
    expect(text).toContain("accepts tasks and runs nothing");
    expect(text).toContain("forgotten at the stop");
  });

  test("shows the key that was made, and none that was configured", () => {
    const text = textFor({ TASKFLOW_HOST: "0.0.0.0" }, []);
    const key = /Authorization: Bearer ([0-9a-f]{48})\n/.exec(text)?.[1];
    expect(text).toContain(`  Open http://127.0.0.1:8000/#key=${key}\n`);
    const withOwn = textFor({ TASKFLOW_HOST: "0.0.0.0", TASKFLOW_API_KEYS: `ci:${ownKey}` }, []);
    expect(withOwn).not.toContain(ownKey);
    expect(withOwn).not.toContain("#key=");
  });
});

describe("access", () => {
  test.each(["127.0.0.1", "localhost", "::1", "127.0.5.1"])("on %s is open without keys", (host) => {
    expect(resolveAccess(readConfig({ TASKFLOW_HOST: host }))).toMatchObject({ keys: [], madeKey: null });
  });

  test.each(["0.0.0.0", "::", "192.168.1.5", "tasks.example"])(
    "on %s needs a key: one is made, a new one each time",
    (host) => {
      const config = readConfig({ TASKFLOW_HOST: host });
      const { keys, madeKey } = resolveAccess(config);
      expect(keys).toEqual([{ name: "start", key: String(madeKey), scope: "write" }]);
      expect(resolveAccess(config).madeKey).not.toBe(madeKey);
    },
  );

  test("takes the configured keys wherever it listens", () => {
    const config = readConfig({ TASKFLOW_HOST: "0.0.0.0", TASKFLOW_API_KEYS: `ci:${ownKey}:read` });
    expect(resolveAccess(config)).toMatchObject({ keys: [{ name: "ci", key: ownKey, scope: "read" }], madeKey: null });
  });
});

test.each([
  ["127.0.0.1", "http://127.0.0.1:80"],
  ["0.0.0.0", "http://127.0.0.1:80"],
  ["::", "http://127.0.0.1:80"],
  ["::1", "http://[::1]:80"],
  ["tasks.example", "http://tasks.example:80"],
])("this machine reaches a server on %s at %s", (host, url) => {
  expect(reachableUrl(host, 80)).toBe(url);
});

test("the start says whether changes are watched for, and what to do for a first handler", () => {
  for (const watch of ["auto", "poll"]) {
    const text = textFor({ TASKFLOW_WATCH: watch }, []);
    expect(text).toContain("\n  Reload     watching for changes\n");
    expect(text).toContain("none yet: drop a TypeScript file there\n");
  }
  const text = textFor({ TASKFLOW_WATCH: "off" }, []);
  expect(text).toContain("\n  Reload     off: start again to load changes\n");
  expect(text).toContain("none yet: drop a TypeScript file there and start again\n");
});
