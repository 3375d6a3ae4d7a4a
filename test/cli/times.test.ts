import { expect, test } from "bun:test";
import { between, duration, relative } from "../../src/cli/times.ts";

test.each<[number, string]>([
  [-5, "0 ms"],
  [0.4, "0 ms"],
  [999, "999 ms"],
  [1_000, "1 s"],
  [1_250, "1.3 s"],
  [59_949, "59.9 s"],
  [59_950, "1 min"],
  [61_000, "1 min 1 s"],
  [3_599_400, "59 min 59 s"],
  [3_599_500, "1 h"],
  [5_400_000, "1 h 30 min"],
  [86_399_000, "23 h 59 min"],
  [86_400_000, "1 d"],
  [360_000_000, "4 d 4 h"],
])("%d ms is %s", (ms, words) => {
  expect(duration(ms)).toBe(words);
});

test("a time is told from now, on either side", () => {
  const now = Date.parse("2026-03-28T09:00:00.000Z");
  expect(relative("2026-03-28T09:03:20.000Z", now)).toBe("in 3 min 20 s");
  expect(relative("2026-03-28T08:59:58.500Z", now)).toBe("1.5 s ago");
  expect(between("2026-03-28T09:00:00.000Z", "2026-03-28T09:00:00.320Z")).toBe("320 ms");
});
