import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import fc from "fast-check";
import { parseCron } from "../../src/domain/cron.ts";
import { inWords } from "../../src/domain/cron-words.ts";
import { expressions } from "./cron-expressions.ts";

test("the README's table holds valid expressions and their words", async () => {
  const readme = await Bun.file(resolve(import.meta.dir, "../../README.md")).text();
  const [, section = ""] = readme.split("## Cron expressions\n");
  const rows = [...(section.split("\n## ", 1)[0] ?? "").matchAll(/^\| `([^`]+)` +\| (.+?) +\|/gm)];
  expect(rows.length).toBeGreaterThan(15);
  for (const [, expression = "", words = ""] of rows) {
    expect(parseCron(expression, "UTC").next(0)).not.toBeNull();
    expect(`${expression}: ${inWords(expression)}`).toBe(`${expression}: ${words}`);
  }
  const refused = /`([^`]+)` is refused/.exec(section)?.[1] ?? "";
  expect(() => parseCron(refused, "UTC")).toThrow("never comes due");
});

test("every expression has words, with nothing of its own signs left in them", () => {
  fc.assert(
    fc.property(expressions, (expression) => {
      const words = inWords(expression);
      expect(words).toMatch(/^[A-Z][A-Za-z0-9 ,;:]+$/);
      expect(words).not.toMatch(/undefined|null|NaN|\b[LW]\b/);
    }),
    { numRuns: 1_000 },
  );
});

describe("in words", () => {
  test.each<[string, string]>([
    ["0 9 * * 1", "At 09:00, only on Monday"],
    [" @Weekly ", "At 00:00, only on Sunday"],
    // What cronstrue cannot read, or reads otherwise than croner.
    ["0 0 l * *", "At 00:00, on the last day of the month"],
    ["0 0 15w * *", "At 00:00, on the weekday nearest day 15 of the month"],
    ["0 0 * * 5l", "At 00:00, on the last Friday of the month"],
    ["0 0 * * FRI#L", "At 00:00, on the last Friday of the month"],
    ["0 0 * * 1-2#3", "At 00:00, on the third Monday and third Tuesday of the month"],
    ["0 0 * * sat-sunL", "At 00:00, on the last Sunday and Saturday of the month"],
    [
      "0 0 2W,15W * *",
      "At 00:00, on the weekday nearest day 2 of the month; at 00:00, on the weekday nearest day 15 of the month",
    ],
    ["0,*/27 5 * * * *", "At 0, 27, and 54 seconds past the minute, at 5 minutes past the hour"],
    ["? * * * ?", "Every minute"],
    ["0 0 13 * 5", "At 00:00, on day 13 of the month, and on Friday; either day is enough"],
    ["0 0 13 * +5", "At 00:00, on day 13 of the month, only on Friday"],
    ["*/45 * * * *", "Every 45 minutes, counted anew each hour"],
    ["*/20 */5 * * *", "Every 20 minutes, every 5 hours, counted anew each day"],
    ["0 0 */2 * *", "At 00:00, every 2 days in a month, counted anew each month"],
    ["0 0 * * */2", "At 00:00, every 2 days of the week, counted anew each week"],
  ])("%s: %s", (expression, words) => {
    parseCron(expression, "UTC");
    expect(inWords(expression)).toBe(words);
  });
});
