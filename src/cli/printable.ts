/**
 * `text` on one line without anything that a terminal would obey: whatever a handler says may hold escape sequences, which
 * move the cursor, change the title or worse, and marks that turn the direction of the text around.
 */
export function printable(text: string): string {
  return text.replace(/\r?\n|[\u2028\u2029]/g, " ⏎ ").replace(unprintable, shown);
}

/** The same with its lines kept. */
export function printableLines(text: string): readonly string[] {
  return text.split(/\r?\n|[\u2028\u2029]/).map(printable);
}

/** JSON text that means the same and holds nothing that a terminal would obey. */
export function printableJson(json: string): string {
  return json.replace(/[\p{Cf}\p{Zl}\p{Zp}\u007f-\u009f]/gu, (character) =>
    [...Array(character.length).keys()].map((index) => escaped(character.charCodeAt(index))).join(""),
  );
}

/** `text`, which is printable, within `width` columns; an ellipsis stands for what is cut. */
export function cut(text: string, width: number): string {
  if (text.length <= width && /^[ -~]*$/.test(text)) return text;
  // No character takes more columns than a few code units, so a long text is not measured to its end.
  if (text.length <= width * 16 && Bun.stringWidth(text) <= width) return text;
  let taken = "";
  let columns = 0;
  for (const { segment } of graphemes.segment(text.slice(0, width * 16))) {
    columns += Bun.stringWidth(segment);
    if (columns > width - 1) break;
    taken += segment;
  }
  return width > 0 ? `${taken.trimEnd()}…` : "";
}

/** `text` with spaces after it up to `width` columns. */
export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
}

const unprintable = /[\p{Cc}\p{Cf}\p{Cs}]/gu;
const graphemes = new Intl.Segmenter();

/** Control characters become their pictures; what only changes how others look goes. */
function shown(character: string): string {
  const code = character.charCodeAt(0);
  if (character === "\t") return "  ";
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "␡";
  return code < 0xa0 ? "�" : "";
}

function escaped(code: number): string {
  return `\\u${code.toString(16).padStart(4, "0")}`;
}
