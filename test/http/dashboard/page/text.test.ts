import { describe, expect, test } from "bun:test";
import { ansiParts, withoutAnsi, withoutControls } from "../../../../src/http/dashboard/page/text.tsx";

const esc = "\u001b";

describe("escape sequences", () => {
  test("give what they colour its colour, and nothing else", () => {
    expect(ansiParts(`a${esc}[31mred${esc}[0m b`)).toEqual([
      { text: "a", classes: "" },
      { text: "red", classes: "ansi-1" },
      { text: " b", classes: "" },
    ]);
    expect(ansiParts(`${esc}[1;92mx${esc}[22my${esc}[39mz`).map(({ classes }) => classes)).toEqual([
      "ansi-2 bold",
      "ansi-2",
      "",
    ]);
  });

  test.each([
    ["a cursor that moves", `${esc}[2J${esc}[1;1Hshown`],
    ["a title", `${esc}]0;evil\u0007shown`],
    ["a link", `${esc}]8;;javascript:alert(1)${esc}\\shown${esc}]8;;${esc}\\`],
    ["a colour by its number", `${esc}[38;5;196mshown${esc}[0m`],
    ["one of two letters", `${esc}cshown`],
  ])("%s goes without a trace", (_what, text) => {
    expect(withoutAnsi(text)).toBe("shown");
    expect(
      ansiParts(text)
        .map((part) => part.text)
        .join(""),
    ).toBe("shown");
  });

  test("of a text that is one alone nothing is left", () => {
    expect(ansiParts(`${esc}[31m`)).toEqual([{ text: "", classes: "ansi-1" }]);
  });
});

describe("control characters", () => {
  test("are shown and not obeyed, but for those that lay a text out", () => {
    expect(withoutControls("a\u0000b\u0007c\u007f\td\r\ne")).toBe("a␀b␇c⟦U+007F⟧\td\ne");
  });

  test("marks that turn the direction of writing are shown by their number", () => {
    expect(withoutControls("\u202Egnp.exe \u2066x\u2069")).toBe("⟦U+202E⟧gnp.exe ⟦U+2066⟧x⟦U+2069⟧");
  });

  test("letters of every script stay", () => {
    const text = "שלום مرحبا 你好 👩‍🚀 é";
    expect(withoutControls(text)).toBe(text);
  });
});
