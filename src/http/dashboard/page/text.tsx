/** @jsxImportSource preact */
import { useState } from "preact/hooks";

/** Characters of a text that are shown at first, and by each press of "more". */
const shownAtOnce = 4_000;

/** A text that somebody else wrote, within a line: as text, cut by the style sheet where it is too long, whole on hovering. */
export function Words({ text, class: name = "" }: { readonly text: string; readonly class?: string }) {
  const plain = withoutControls(withoutAnsi(text.slice(0, shownAtOnce)));
  return (
    <bdi class={`words ${name}`} title={plain.slice(0, 500)}>
      {plain}
    </bdi>
  );
}

/** A long text as it is, such as a stack or JSON: the beginning, and more on demand. */
export function LongText({ text, label }: { readonly text: string; readonly label: string }) {
  const [shown, setShown] = useState(shownAtOnce);
  const rest = text.length - shown;
  return (
    <div class="long-text">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
      <section tabIndex={0} aria-label={label}>
        <pre dir="auto">{withoutControls(withoutAnsi(text.slice(0, shown)))}</pre>
      </section>
      {rest <= 0 ? null : (
        <button type="button" class="quiet" onClick={() => setShown(shown + 16 * shownAtOnce)}>
          Show more ({rest.toLocaleString("en")} characters left)
        </button>
      )}
    </div>
  );
}

/** A line of a log, in the colours that it asks for. */
export function AnsiText({ text }: { readonly text: string }) {
  return (
    <bdi>
      {ansiParts(text).map(({ text: part, classes }, index) =>
        classes === "" ? (
          withoutControls(part)
        ) : (
          <span key={index} class={classes}>
            {withoutControls(part)}
          </span>
        ),
      )}
    </bdi>
  );
}

const esc = "\u001b";
const bell = "\u0007";
/** Escape sequences: those with numbers (colours, the cursor), those with a text (titles, links), and all others. */
const ansi = new RegExp(`${esc}(?:\\[([0-9;:?]*)([@-~])|\\][^${bell}${esc}]*(?:${bell}|${esc}\\\\)?|[ -/]*[0-~])`, "g");

interface AnsiPart {
  readonly text: string;
  readonly classes: string;
}

/** The text between its escape sequences, with the classes of the colour that holds there. All other sequences go. */
export function ansiParts(text: string): readonly AnsiPart[] {
  const parts: AnsiPart[] = [];
  let style: Style = {};
  let from = 0;
  for (const match of text.matchAll(ansi)) {
    if (match.index > from) parts.push({ text: text.slice(from, match.index), classes: classesOf(style) });
    if (match[2] === "m") style = styled(style, match[1] ?? "");
    from = match.index + match[0].length;
  }
  if (from < text.length || parts.length === 0) parts.push({ text: text.slice(from), classes: classesOf(style) });
  return parts;
}

export function withoutAnsi(text: string): string {
  return text.replace(ansi, "");
}

/**
 * Control characters as the signs that stand for them, and marks that turn the direction of writing by their names: none is
 * obeyed, and none hides.
 */
export function withoutControls(text: string): string {
  return text.replace(/\p{Cc}|[\u202a-\u202e\u2066-\u2069\u200e\u200f]/gu, (sign) => {
    const code = sign.charCodeAt(0);
    if (sign === "\n" || sign === "\t") return sign;
    if (sign === "\r") return "";
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return `\u27e6U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e7`;
  });
}

interface Style {
  readonly color?: number;
  readonly bold?: boolean;
  readonly dim?: boolean;
}

function styled(style: Style, codes: string): Style {
  let next = style;
  for (const code of codes.split(/[;:]/).map(Number)) {
    // An extended colour takes the numbers that follow for itself: it is left out.
    if (code === 38 || code === 48) return next;
    if (code === 0) next = {};
    else if (code === 1) next = { ...next, bold: true };
    else if (code === 2) next = { ...next, dim: true };
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code >= 30 && code <= 37) next = { ...next, color: code - 30 };
    else if (code >= 90 && code <= 97) next = { ...next, color: code - 90 };
    else if (code === 39) next = { ...(next.bold ? { bold: true } : {}), ...(next.dim ? { dim: true } : {}) };
  }
  return next;
}

function classesOf({ color, bold, dim }: Style): string {
  return [color === undefined ? "" : `ansi-${color}`, bold ? "bold" : "", dim ? "muted" : ""].filter(Boolean).join(" ");
}
