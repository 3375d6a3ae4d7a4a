import { expect, test } from "bun:test";
import { joined } from "../../../../src/http/dashboard/page/task/lines.ts";
import type { LogLine } from "../../../../src/http/dashboard/page/wire.ts";

const lines = (text: string): readonly LogLine[] =>
  [...text].map((message) => ({ time: "2026-01-31T09:00:00.000Z", attempt: 1, level: "info", message }));

test.each([
  ["", "", ""],
  ["abc", "", "abc"],
  ["", "abc", "abc"],
  ["abc", "bcd", "abcd"],
  ["abc", "abc", "abc"],
  ["abcd", "bcd", "abcd"],
  ["ab", "cd", "abcd"],
  ["aaa", "aa", "aaa"],
])("what was fetched (%s) and what was heard meanwhile (%s) are %s, each line once", (fetched, heard, all) => {
  expect(joined(lines(fetched), lines(heard))).toEqual(lines(all));
});
