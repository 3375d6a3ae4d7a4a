import { expect, test } from "bun:test";
import { failureKind } from "../../src/domain/failure.ts";

test.each([
  ["Error: connect ECONNREFUSED 10.0.0.7:443", "Error: connect ECONNREFUSED …"],
  ["TypeError: Cannot read 'a-b' of \"x\"", "TypeError: Cannot read '…' of \"…\""],
  ["Error: no task 0198c5a8-7d3e-7c4f-9a51-2f1f0c6b8e21", "Error: no task …"],
  ["Error: commit 3f2504e04f89 at 0xdeadbeef1", "Error: commit … at …"],
  ["TimeoutError: Task exceeded its timeout of 1.5s", "TimeoutError: Task exceeded its timeout of …s"],
  ["Error: first\n  second 2", "Error: first"],
  ["\n  Error: late", "Error: late"],
  ["Error: the user's deadline", "Error: the user's deadline"],
  ["Error: defaced facade", "Error: defaced facade"],
  ["", ""],
])("%j is of the kind %j", (error, kind) => {
  expect(failureKind(error)).toBe(kind);
});

test("a kind is short, whatever the error is", () => {
  expect(failureKind(`Error: ${"é ".repeat(100_000)}`).length).toBeLessThanOrEqual(201);
  expect(failureKind("'".repeat(100_000))).toBeString();
});
