import { styleText } from "node:util";
import { cut, pad, printableJson } from "./printable.ts";

export type Tone = "good" | "bad" | "busy" | "quiet" | "strong";

const styles = { good: "green", bad: "red", busy: "cyan", quiet: "gray", strong: "bold" } as const;

/** Columns that a text in a table takes where no terminal sets a bound. */
const widestPiped = 200;

/** What a command prints, on a terminal or into a pipe. Whoever reads a pipe may close it: that ends the command well. */
export class Output {
  readonly isTerminal: boolean = process.stdout.isTTY === true;
  readonly #colours = this.isTerminal && !process.env.NO_COLOR && process.env.TERM !== "dumb";
  #hasStatusLine = false;

  constructor() {
    for (const stream of [process.stdout, process.stderr]) {
      stream.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code !== "EPIPE") throw error;
        process.exit(0);
      });
    }
  }

  /** How many columns a line has; without end where no terminal folds it. */
  get width(): number {
    return this.isTerminal ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY;
  }

  /** `text` in a colour, where there are colours. */
  paint(tone: Tone, text: string): string {
    return this.#colours ? styleText(styles[tone], text, { validateStream: false }) : text;
  }

  /** The same for what is said on stderr. */
  paintNote(tone: Tone, text: string): string {
    return process.stderr.isTTY ? this.paint(tone, text) : text;
  }

  /** Prints lines; what they hold must be printable. */
  line(...lines: readonly string[]): void {
    this.#clearStatusLine();
    process.stdout.write(lines.map((line) => `${line}\n`).join(""));
  }

  /** Prints the JSON text of an answer as one line. */
  json(text: string): void {
    this.line(printableJson(text.trim()));
  }

  /** Says something beside the answer, on stderr. */
  note(text: string): void {
    this.#clearStatusLine();
    process.stderr.write(`${text}\n`);
  }

  /** On a terminal a line that the next one takes the place of; else a line like all others. */
  status(text: string): void {
    if (!this.isTerminal) this.line(text);
    else process.stdout.write(`\r\x1b[K${cut(text, this.width - 1)}`);
    this.#hasStatusLine = this.isTerminal;
  }

  /** Prints rows below their headings, within the width: the column named `elastic` gives way. */
  table(headings: readonly string[], rows: readonly (readonly Cell[])[], elastic: string): void {
    const cells = rows.map((row) => row.map((cell) => (typeof cell === "string" ? { text: cell } : cell)));
    const widths = headings.map((heading, column) =>
      Math.max(heading.length, ...cells.map((row) => Bun.stringWidth(row[column]?.text ?? ""))),
    );
    const giving = headings.indexOf(elastic);
    const others = widths.reduce((sum, width, column) => sum + (column === giving ? 0 : width + 2), 0);
    const room = Math.max(8, Math.min(widestPiped, this.width - others));
    const fitted = widths.map((width, column) => (column === giving ? Math.min(width, room) : width));
    const row = (parts: readonly { text: string; tone?: Tone }[]) => {
      let left = this.width;
      const shown = parts.map(({ text, tone }, column) => {
        const room = Math.max(0, Math.min(fitted[column] ?? 0, left));
        left -= room + 2;
        const padded = column === parts.length - 1 ? cut(text, room) : pad(cut(text, room), room);
        return tone === undefined || padded === "" ? padded : this.paint(tone, padded);
      });
      return shown.join("  ").trimEnd();
    };
    this.line(row(headings.map((text) => ({ text, tone: "quiet" as const }))), ...cells.map(row));
  }

  #clearStatusLine(): void {
    if (!this.#hasStatusLine) return;
    process.stdout.write("\r\x1b[K");
    this.#hasStatusLine = false;
  }
}

/** What stands in a row of a table; its text must be printable. */
export type Cell = string | { readonly text: string; readonly tone?: Tone };

/** Any value as JSON that is printable. */
export function jsonOf(value: unknown): string {
  return printableJson(JSON.stringify(value) ?? "");
}

/** How a status reads at a glance. */
export function toneOf(status: string): Tone {
  if (status === "completed" || status === "ready" || status === "healthy") return "good";
  if (status === "failed" || status === "load_error" || status === "unhealthy" || status === "timed_out") return "bad";
  return status === "running" || status === "retrying" ? "busy" : "quiet";
}
