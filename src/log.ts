import type { Writable } from "node:stream";
import pino from "pino";
import type { Log } from "./domain/log.ts";
import type { LogLevel } from "./domain/task.ts";

export interface LogOptions {
  /** The least that is logged. */
  readonly level: LogLevel | "silent";
  /** Null: pretty on a terminal, else JSON. */
  readonly format: "pretty" | "json" | null;
  /** Standard output, unless given. */
  readonly stream?: LogStream;
}

export type LogStream = Writable & { readonly isTTY?: boolean };

export interface ServerLog extends Log {
  /** From the configured level to debug, or back: from debug to info where debug is the configured one. Says so in the log. */
  toggleDebug(): void;
  /** Resolves once all that was logged is handed over, or after a second when nobody takes it. */
  flush(): Promise<void>;
}

/**
 * The server's log, without secrets: an entry is one line, whatever is in it; only pretty stacks go below, indented.
 * Lines are gathered and written many at a time, at the latest after 50 ms or when the process exits. A reader that
 * stands still or goes away stops nothing: what it does not take is dropped and counted.
 */
export function createLog({ level, format, stream = process.stdout }: LogOptions): ServerLog {
  const isTerminal = stream.isTTY === true;
  const gathered = gatherLines(stream, (lines) => logger.warn({ lines }, "log lines could not be written"));
  const paint = isTerminal && !process.env.NO_COLOR && process.env.TERM !== "dumb" ? inColour : plain;
  const isPretty = format === null ? isTerminal : format === "pretty";
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // Errors are taken apart with the other fields, whichever field they are in.
      serializers: { err: (error) => error },
      formatters: { level: (label) => ({ level: label }), log: (fields) => redactEntries(fields, deepest) },
    },
    isPretty ? { write: (line) => gathered.write(prettyLine(JSON.parse(line), paint)) } : gathered,
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    toggleDebug() {
      const usual = level === "debug" ? "info" : level;
      const next = logger.level === "debug" ? usual : "debug";
      // Told while debug is logged, so that it is told whatever the other level is.
      logger.level = "debug";
      logger.info({ log_level: next }, "the log's level was changed");
      logger.level = next;
    },
    flush: gathered.flush,
  };
}

const gatherMs = 50;
const gatherLength = 32 * 1024;
/** Characters that may wait for a reader that stands still. */
const longestBacklog = 16 * 1024 * 1024;
const longestFlushMs = 1_000;

interface Gatherer {
  write(line: string): void;
  flush(): Promise<void>;
}

/** Writes lines to `stream`, one write at a time; tells `onDropped` how many were lost once it can write again. */
function gatherLines(stream: LogStream, onDropped: (lines: number) => void): Gatherer {
  let text = "";
  let lines = 0;
  let dropped = 0;
  let isWriting = false;
  let timer: ReturnType<typeof setTimeout> | null = null;
  const flushing: (() => void)[] = [];

  function write(line: string): void {
    if (text.length + line.length > longestBacklog) {
      dropped++;
      return;
    }
    text += line;
    lines++;
    if (text.length >= gatherLength) writeOut();
    else timer ??= setTimeout(writeOut, gatherMs);
  }

  function writeOut(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (isWriting || lines === 0) return;
    const [batch, count] = [text, lines];
    text = "";
    lines = 0;
    isWriting = true;
    stream.write(batch, (error) => {
      isWriting = false;
      written(error ? count : 0);
    });
  }

  function written(lost: number): void {
    dropped += lost;
    if (flushing.length > 0 || text.length >= gatherLength) writeOut();
    else if (lines > 0) timer ??= setTimeout(writeOut, gatherMs);
    // Only now is there room for a line that tells of it.
    if (lost === 0) tellDropped();
    if (lines === 0 && !isWriting) for (const done of flushing.splice(0)) done();
  }

  function tellDropped(): void {
    const count = dropped;
    dropped = 0;
    if (count > 0) onDropped(count);
  }

  function flush(): Promise<void> {
    writeOut();
    if (!isWriting) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const deadline = setTimeout(resolve, longestFlushMs);
    flushing.push(() => {
      clearTimeout(deadline);
      resolve();
    });
    return promise;
  }

  // Without a listener an error ends the process; the callback of the write has counted its lines.
  stream.on("error", () => undefined);
  if (stream === process.stdout) process.on("exit", () => stream.write(text));
  return { write, flush };
}

const secretName = /(authorization|cookie|api[_-]?keys?|passw(or)?d|passphrase|secret|token)$|^key$/i;
/** How deep fields are followed; what lies deeper is left out, which also ends a cycle. */
const deepest = 6;

function redactEntries(fields: object, levels: number): Record<string, unknown> {
  const entries = Object.entries(fields);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, secretName.test(name) ? "[redacted]" : redact(value, levels)]),
  );
}

function redact(value: unknown, levels: number): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value !== "object" || value === null) return value;
  if (levels === 0) return "[too deep]";
  if (value instanceof Error) return redactEntries(pino.stdSerializers.err(value), levels - 1);
  if (Array.isArray(value)) return value.map((inner) => redact(inner, levels - 1));
  const isPlain = Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null;
  return isPlain ? redactEntries(value, levels - 1) : value;
}

/** Whoever quotes an address or a header in a text may quote the secret in it. */
function redactText(text: string): string {
  const isHarmless = !text.includes("://") && !/\b(bearer|basic) /i.test(text);
  if (isHarmless) return text;
  return text
    .replace(/(?<=:\/\/)[^\s/?#"'<>]*@/g, "[redacted]@")
    .replace(/\b(bearer|basic) +[\w.~+/=-]{8,}/gi, "$1 [redacted]");
}

type Colour = "dim" | "red" | "yellow" | "green" | "blue";
type Paint = (colour: Colour, text: string) => string;
const colourCodes: Readonly<Record<Colour, number>> = { dim: 2, red: 31, yellow: 33, green: 32, blue: 34 };
const levelColours = new Map<unknown, Colour>([
  ["debug", "blue"],
  ["info", "green"],
  ["warn", "yellow"],
  ["error", "red"],
]);

const plain: Paint = (_colour, text) => text;
const inColour: Paint = (colour, text) => `\x1b[${colourCodes[colour]}m${text}\x1b[0m`;

/** `03:39:06.123 INFO  task completed  add_numbers 0198…  attempt 1  12 ms  name=value`, with stacks below. */
function prettyLine(entry: Readonly<Record<string, unknown>>, paint: Paint): string {
  const { level, time, msg, func_name, task_id, attempt, duration, ...others } = entry;
  const stacks: string[] = [];
  const parts = [
    [func_name, task_id]
      .filter((part) => part !== undefined)
      .map(shown)
      .join(" "),
  ];
  if (attempt !== undefined) parts.push(`attempt ${shown(attempt)}`);
  if (duration !== undefined) parts.push(typeof duration === "number" ? lasted(duration) : shown(duration));
  for (const [name, value] of Object.entries(others)) {
    const stack = stackOf(value);
    if (stack === null) parts.push(`${visible(name)}=${shown(value)}`);
    else stacks.push(...stack.split("\n").map((line) => `\n    ${visible(line)}`));
  }
  const at = new Date(String(time));
  const clock = `${at.toTimeString().slice(0, 8)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  const label = paint(levelColours.get(level) ?? "dim", String(level).toUpperCase().padEnd(5));
  const details = parts.filter((part) => part !== "").join("  ");
  const tail = details === "" ? "" : `  ${paint("dim", details)}`;
  return `${paint("dim", clock)} ${label} ${visible(String(msg))}${tail}${stacks.join("")}\n`;
}

function lasted(seconds: number): string {
  return seconds < 1 ? `${Math.round(seconds * 1_000)} ms` : `${seconds.toFixed(2)} s`;
}

function stackOf(value: unknown): string | null {
  if (typeof value !== "object" || value === null || !("stack" in value)) return null;
  return typeof value.stack === "string" ? value.stack : null;
}

const longestShown = 1_000;

function shown(value: unknown): string {
  const text = typeof value === "string" && /^[^\s"'=]+$/.test(value) ? value : JSON.stringify(value);
  return visible(text.length > longestShown ? `${text.slice(0, longestShown)}…` : text);
}

/** Escapes what could end the line, move the cursor or turn the reading around. */
function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1);
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}` : escaped;
  });
}
