import { describe, expect, test } from "bun:test";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { outside, shared, start, temporaryFolder } from "./harness.ts";

const basic = shared("basic");

async function thrown(kind: string) {
  const { run } = await basic();
  const { outcome } = await run("throws", { kind });
  if (outcome.kind !== "failed") throw new Error(`${kind} ended ${outcome.kind}`);
  return outcome;
}

describe("what a handler throws", () => {
  test.each([
    ["error", "TypeError: went wrong"],
    ["silent", "Error"],
    ["frozen", "Error: frozen"],
    ["cause", "Error: outer"],
    ["cyclicCause", "Error: round"],
    ["errorWithGetters", "Error"],
    ["string", "NonErrorThrown: 'boom'"],
    ["null", "NonErrorThrown: null"],
    ["undefined", "NonErrorThrown: undefined"],
    ["number", "NonErrorThrown: 42"],
    ["object", "NonErrorThrown: { code: 7 }"],
    ["symbol", "NonErrorThrown: Symbol(boom)"],
    ["getter", "NonErrorThrown: { message: [Getter], stack: [Getter] }"],
    ["revoked", "NonErrorThrown: <Revoked Proxy>"],
  ])("is recorded as what it is: %s", async (kind, error) => {
    expect(await thrown(kind)).toMatchObject({ errorKind: "handler", error });
  });

  test("may be a proxy whose traps throw", async () => {
    expect((await thrown("proxy")).error).toStartWith("NonErrorThrown: ");
  });

  test("is bounded", async () => {
    const { error, stack } = await thrown("long");
    expect(Buffer.byteLength(error)).toBeLessThanOrEqual(8 * 1024);
    expect(error).toMatch(/^Error: x{8000}x* … \[9\d{4} more characters cut\]$/);
    expect(Buffer.byteLength(stack ?? "")).toBeLessThanOrEqual(16 * 1024);
  });

  test("has a stack of its own code, relative to the tasks folder", async () => {
    const { stack } = await thrown("error");
    expect(stack).toStartWith("TypeError: went wrong\n    at ");
    expect(stack).toMatch(/ \(throws\.ts:\d+:\d+\)/);
    expect(stack).not.toContain("/");
  });

  test("has such a stack behind a link to the tasks folder too", async () => {
    const link = join(await temporaryFolder(), "link");
    await symlink(await outside("basic"), link);
    const { run } = await start(link);
    const { outcome } = await run("throws", { kind: "error" });
    expect(outcome).toMatchObject({ stack: expect.not.stringContaining("/") });
  });

  test("has the stacks of its causes as well", async () => {
    expect((await thrown("cause")).stack).toMatch(
      /^Error: outer\n {4}at [\s\S]+\nCaused by: RangeError: inner\n {4}at /,
    );
  });

  test("at once, without a promise, fails the attempt too", async () => {
    const { run } = await basic();
    expect((await run("sync_throw")).outcome).toMatchObject({ errorKind: "handler", error: "Error: at once" });
  });
});

test.each(["permanent", "permanentCopy", "permanentSubclass"])("%s fails for good", async (kind) => {
  expect(await thrown(kind)).toMatchObject({ errorKind: "permanent" });
});

test.each([
  ["retryAfter", 1_500],
  ["retryCopy", 2_000],
  ["retryForEver", 315_360_000_000],
])("%s says when to try again", async (kind, retryAfterMs) => {
  expect(await thrown(kind)).toMatchObject({ errorKind: "handler", retryAfterMs });
});

test("a RetryAfter without a time is any other error", async () => {
  const outcome = await thrown("retryForged");
  expect(outcome).toMatchObject({ errorKind: "handler", error: "RetryAfter: a copy" });
  expect(outcome).not.toHaveProperty("retryAfterMs");
});
