import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { cut, pad, printable, printableJson, printableLines } from "../../src/cli/printable.ts";
import { obeyed } from "./run.ts";

// Random texts by the hundred take their time on machines that are busy.
setDefaultTimeout(30_000);

test.each<[string, string]>([
  ["plain, ünïcode, 日本 \u{1f469}\u200d\u{1f680}", "plain, ünïcode, 日本 \u{1f469}\u{1f680}"],
  ["a\x1b[31mred\x07", "a␛[31mred␇"],
  ["\x7f\u009b31m", "␡�31m"],
  ["one\r\ntwo\nthree\u2028four", "one ⏎ two ⏎ three ⏎ four"],
  ["overwritten\rby this", "overwritten␍by this"],
  ["tab\there", "tab  here"],
  ["\u202egnp.exe\u2066", "gnp.exe"],
])("%j is shown as %j", (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test("lines are kept where they may be", () => {
  expect(printableLines("one\r\ntwo\x1b[2J\n")).toEqual(["one", "two␛[2J", ""]);
});

test("no text at all has anything left in it that a terminal obeys", () => {
  const anyText = fc.string({ unit: "binary", maxLength: 60 });
  fc.assert(fc.property(anyText, (text) => !obeyed.test(printable(text)) && !printable(text).includes("\n")));
  fc.assert(
    fc.property(fc.json({ stringUnit: "binary", maxDepth: 2 }), (json) => {
      const shown = printableJson(json);
      return !obeyed.test(shown) && Bun.deepEquals(JSON.parse(shown), JSON.parse(json));
    }),
  );
});

describe("a text that is cut", () => {
  test.each<[string, number, string]>([
    ["short", 5, "short"],
    ["longer", 5, "long…"],
    ["a word more", 3, "a…"],
    ["日本語", 6, "日本語"],
    ["日本語", 5, "日本…"],
    ["日本語", 4, "日…"],
    ["anything", 1, "…"],
    ["anything", 0, ""],
    ["endless", Number.POSITIVE_INFINITY, "endless"],
  ])("%j in %d columns is %j", (text, width, shown) => {
    expect(cut(text, width)).toBe(shown);
  });

  test("is never wider than it may be, and of one that fits nothing is cut", () => {
    const graphemes = fc.string({ unit: "grapheme", maxLength: 60 });
    fc.assert(
      fc.property(graphemes, fc.integer({ min: 0, max: 40 }), (raw, width) => {
        const text = printable(raw);
        const shown = cut(text, width);
        return Bun.stringWidth(shown) <= width && (Bun.stringWidth(text) > width || shown === text);
      }),
    );
  });

  test("is not looked through to its end", () => {
    const text = "語".repeat(5_000_000);
    expect(cut(text, 10)).toBe("語語語語…");
  });
});

test("padding counts columns, not characters", () => {
  expect(pad("日本", 6)).toBe("日本  ");
  expect(pad("longer", 3)).toBe("longer");
});
