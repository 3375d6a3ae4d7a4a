import { describe, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { type HandlerOptions, handlerName, handlerOptionsSchema, priorityNumber } from "../../src/domain/handler.ts";

describe("the name of a handler", () => {
  test.each([
    ["add_numbers.ts", "add_numbers"],
    ["view.tsx", "view"],
    ["plain.js", "plain"],
    ["module.mjs", "module"],
    ["db/backup.ts", "db:backup"],
    ["a/b/c.js", "a:b:c"],
    ["db/index.ts", "db"],
    ["a/b/index.mjs", "a:b"],
    ["index/run.ts", "index:run"],
    ["index/index.ts", "index"],
    ["index.ts", "index"],
    ["v1.2.ts", "v1.2"],
    ["latest.ts", "latest"],
    ["test.ts", "test"],
    ["node_modules.ts", "node_modules"],
    ["Größe.ts", "Größe"],
  ])("of %s is %s", (path, name) => {
    expect(handlerName(path)).toBe(name);
  });
});

describe("a file that is no handler", () => {
  test.each([
    ["a helper", "_shared.ts"],
    ["a file in a folder of helpers", "_lib/mail.ts"],
    ["a file deep below a folder of helpers", "db/_lib/deep/pool.ts"],
    ["a hidden file", ".hidden.ts"],
    ["a file in a hidden folder", ".git/hook.ts"],
    ["a dependency", "node_modules/lib/index.js"],
    ["a dependency of a subfolder", "db/node_modules/lib/index.js"],
    ["a test", "add_numbers.test.ts"],
    ["a test in a folder", "db/backup.test.tsx"],
    ["a declaration", "types.d.ts"],
    ["another language", "task.py"],
    ["data", "data.json"],
    ["a backup of an editor", "add.ts~"],
    ["CommonJS", "old.cjs"],
    ["a file without ending", "Makefile"],
    ["nothing but an ending", ".ts"],
    ["no path", ""],
  ])("%s has no name: %s", (_, path) => {
    expect(handlerName(path)).toBeNull();
  });
});

test("a priority is a number or its name", () => {
  expect((["critical", "high", "normal", "low"] as const).map(priorityNumber)).toEqual([0, 1, 2, 3]);
  expect([0, 1, 2, 3].map(priorityNumber)).toEqual([0, 1, 2, 3]);
});

describe("a handler's options", () => {
  const full: HandlerOptions = {
    description: "d",
    input: { type: "object" },
    timeout: 0.5,
    maxRetries: 0,
    priority: "low",
    backoff: { base: 0, cap: 0, jitter: 1 },
  };

  test("may all be set, or none", () => {
    expect(Value.Check(handlerOptionsSchema, full)).toBe(true);
    expect(Value.Check(handlerOptionsSchema, {})).toBe(true);
  });

  test.each([
    { timeout: 0 },
    { timeout: -1 },
    { timeout: 315_360_001 },
    { maxRetries: -1 },
    { maxRetries: 101 },
    { maxRetries: 1.5 },
    { priority: 4 },
    { priority: 1.5 },
    { priority: "urgent" },
    { backoff: { base: -1 } },
    { backoff: { jitter: 1.1 } },
    { backoff: { factor: 2 } },
    { retries: 3 },
  ])("are refused when they make no sense: %j", (options) => {
    expect(Value.Check(handlerOptionsSchema, options)).toBe(false);
  });
});
