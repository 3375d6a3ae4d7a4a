import { describe, expect, test } from "bun:test";
import { bytes, duration, fromNow, inZone, plural, wholeSeconds } from "../../../../src/http/dashboard/page/format.ts";

test.each([
  [null, "–"],
  [0, "0 ms"],
  [0.0042, "4 ms"],
  [0.9994, "999 ms"],
  [0.9996, "1.00 s"],
  [9.876, "9.88 s"],
  [59.94, "59.9 s"],
  [60, "1 m"],
  [200, "3 m 20 s"],
  [3_599.6, "1 h"],
  [7_380, "2 h 3 m"],
  [90_000, "1 d 1 h"],
])("%p seconds are %s", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test.each([
  [0, "0 s"],
  [-3, "0 s"],
  [59.9, "59 s"],
  [61.5, "1 m 1 s"],
])("%p seconds that go on are %s", (seconds, text) => {
  expect(wholeSeconds(seconds)).toBe(text);
});

test.each([
  [null, "–"],
  [0, "0 B"],
  [1_023, "1023 B"],
  [1_536, "1.5 kB"],
  [180 * 2 ** 20, "180 MB"],
])("%p bytes are %s", (value, text) => {
  expect(bytes(value)).toBe(text);
});

describe("a time seen from now", () => {
  const now = Date.parse("2026-01-31T09:00:00Z");
  test.each([
    ["2026-01-31T09:00:00.400Z", "now"],
    ["2026-01-31T08:59:20Z", "40 s ago"],
    ["2026-01-31T09:03:30Z", "in 3 m"],
    ["2026-01-30T06:00:00Z", "1 d ago"],
  ])("%s is %s", (time, text) => {
    expect(fromNow(time, now)).toBe(text);
  });
});

test("a time is told by the clock of its zone", () => {
  expect(inZone("2026-07-01T22:30:00Z", "Europe/Berlin")).toBe("Thu 2026-07-02 00:30:00");
});

test("one is one, and more are more", () => {
  expect([plural(1, "task"), plural(0, "task"), plural(1_234, "task")]).toEqual(["1 task", "0 tasks", "1,234 tasks"]);
});
