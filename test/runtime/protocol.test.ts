import { expect, test } from "bun:test";
import { isChildMessage } from "../../src/runtime/protocol.ts";

const ended = { type: "ended", id: 1, ms: 0.25, outcome: { kind: "completed", result: "1" } };
const failed = { kind: "failed", errorKind: "handler", error: "Error: x", stack: null };

test.each<[string, unknown]>([
  ["a result", ended],
  ["a failure", { ...ended, outcome: { ...failed, retryAfterMs: 5 } }],
  ["lines", { type: "log", id: 0, lines: [{ level: "warn", message: "x" }] }],
  ["progress", { type: "progress", id: 0, fraction: 1, message: null }],
])("%s is a message", (_what, message) => {
  expect(isChildMessage(message)).toBe(true);
});

test.each<[string, unknown]>([
  ["null", null],
  ["a number", 5],
  ["another type", { type: "owned" }],
  ["an id that is none", { ...ended, id: -1 }],
  ["a result that is no text", { ...ended, outcome: { kind: "completed", result: { a: 1 } } }],
  ["a result over the limit", { ...ended, outcome: { kind: "completed", result: "x".repeat(2 ** 20 + 1) } }],
  ["an outcome of the engine", { ...ended, outcome: { kind: "cancelled" } }],
  ["a kind of error that is not the handler's", { ...ended, outcome: { ...failed, errorKind: "memory" } }],
  ["a time that is none", { ...ended, ms: -1 }],
  ["an endless error", { ...ended, outcome: { ...failed, error: "x".repeat(8_193) } }],
  ["a retry in the past", { ...ended, outcome: { ...failed, retryAfterMs: -1 } }],
  ["a level that is none", { type: "log", id: 0, lines: [{ level: "fatal", message: "x" }] }],
  ["an endless line", { type: "log", id: 0, lines: [{ level: "info", message: "x".repeat(8_193) }] }],
  ["progress beyond the end", { type: "progress", id: 0, fraction: 1.1, message: null }],
  ["a load without a report", { type: "loaded", index: 0 }],
])("%s is no message", (_what, message) => {
  expect(isChildMessage(message)).toBe(false);
});
