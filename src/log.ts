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
  /** Resolves once all that was logged is handed over, or after a second when nobody takes it. */
  flush(): Promise<void>;
}

/**
 * The server's log, a line an entry. Lines are gathered and written many at a time, at the latest after 50 ms; at the
 * exit of the process, whatever its cause, the rest is written. A reader that stands still or goes away neither stops
 * nor ends the server.
 */
export function createLog({ level, format, stream = process.stdout }: LogOptions): ServerLog {
  const terminal = stream.isTTY === true;
  const pretty = format === null ? terminal : format === "pretty";
  const { write, flush } = gather(stream);
  const paint = terminal && !process.env.NO_COLOR && process.env.TERM !== "dumb" ? colour : plain;
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => redactFields(fields, deepest) },
      // Errors are rendered with the other fields, whatever field they are in.
      serializers: { err: (error) => error },
    },
    { write: pretty ? (line) => write(prettyLine(JSON.parse(line), paint)) : write },
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    flush,
  };
}

const gatherMs = 50;
const gatherLength = 32 * 1024;
/** What may wait for a reader that stands still; lines beyond that are dropped and counted. */
const longestBacklog = 16 * 1024 * 1024;
const longestFlushMs = 1_000;

function gather(stream: LogStream): { write(line: string): void; flush(): Promise<void> } {
  let lines = "";
  let dropped = 0;
  let state: "idle" | "writing" | "broken" = "idle";
  let timer: Timer | null = null;
  const flushed = Promise.withResolvers<void>();

  function writeOut(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (state !== "idle" || lines === "") return;
    if (dropped > 0)
      lines += `${JSON.stringify({ level: "warn", time: new Date().toISOString(), dropped, msg: "nobody read the log: lines were dropped" })}\n`;
    const text = lines;
    lines = "";
    dropped = 0;
    state = "writing";
    stream.write(text, written);
  }

  function written(error?: Error | null): void {}
}
