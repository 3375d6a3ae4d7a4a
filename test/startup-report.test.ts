import { expect, test } from "bun:test";
import { readConfig } from "../src/config.ts";
import { resolveAccess } from "../src/server-access.ts";
import { startupText } from "../src/startup-report.ts";

function textOf(env: Readonly<Record<string, string>>): string {
  const config = readConfig(env);
  return startupText({ url: "http://x:1", version: "1", config, access: resolveAccess(config), handlers: [] });
}

test("the start says whether changes are watched for, and what to do for a first handler", () => {
  for (const watch of ["auto", "poll"]) {
    const text = textOf({ TASKFLOW_WATCH: watch });
    expect(text).toContain("\n  Reload     watching for changes\n");
    expect(text).toContain("none yet: drop a TypeScript file there\n");
  }
  const text = textOf({ TASKFLOW_WATCH: "off" });
  expect(text).toContain("\n  Reload     off: start again to load changes\n");
  expect(text).toContain("none yet: drop a TypeScript file there and start again\n");
});
