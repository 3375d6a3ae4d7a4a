import type { Writable } from "node:stream";
import { format } from "node:util";
import type { LogLevel } from "../domain/task.ts";
import { type Attempt, currentAttempt } from "./worker-attempt.ts";
import { logValues } from "./worker-context.ts";
import { cleanStack } from "./worker-thrown.ts";

/**
 * Turns all that handler code prints into log lines of its attempt. What is printed outside of any attempt, as while a
 * file loads, goes to the stderr of the process, of which the server keeps the end.
 */
export function captureOutput(trees: string): void {
  const printed = new Printed();
  for (const [method, level] of plainMethods) {
    console[method] = (...values) => {
      const attempt = currentAttempt.getStore();
      if (attempt === undefined) printed.outside(format(...values));
      else if (attempt.console === null) logValues(attempt.lines, level, values);
      else printed.at(level, attempt, method, values);
    };
  }
  for (const [method, level] of statefulMethods) {
    const native = console[method];
    Reflect.set(console, method, (...values: unknown[]) => {
      const attempt = currentAttempt.getStore();
      if (attempt === undefined) Reflect.apply(native, console, values);
      else printed.at(level, attempt, method, values);
    });
  }
  console.trace = (...values) => {
    const frames = new Error().stack?.split("\n").slice(1).join("\n") ?? "";
    const text = cleanStack(`Trace: ${format(...values)}\n${frames}`, trees);
    const attempt = currentAttempt.getStore();
    if (attempt === undefined) printed.outside(text);
    else attempt.lines.write("debug", text);
  };
  console.write = (...chunks) => {
    for (const chunk of chunks) printed.stream("info").write(chunk);
    return chunks.length;
  };
  Object.defineProperties(process, {
    stdout: { configurable: true, enumerable: true, get: () => printed.stream("info") },
    stderr: { configurable: true, enumerable: true, get: () => printed.stream("error") },
  });
}

const plainMethods = [
  ["debug", "debug"],
  ["log", "info"],
  ["info", "info"],
  ["warn", "warn"],
  ["error", "error"],
] as const satisfies [keyof Console, LogLevel][];

/** Those that keep counters, timers or an indentation, or draw: `node:console` does them, one of its own per attempt. */
const statefulMethods = [
  ["assert", "error"],
  ["count", "info"],
  ["countReset", "info"],
  ["dir", "info"],
  ["dirxml", "info"],
  ["group", "info"],
  ["groupCollapsed", "info"],
  ["groupEnd", "info"],
  ["table", "info"],
  ["time", "info"],
  ["timeEnd", "info"],
  ["timeLog", "info"],
] as const satisfies [keyof Console, LogLevel][];

type Method = (typeof plainMethods | typeof statefulMethods)[number][0];

/** Where printed text goes. */
class Printed {
  readonly #NativeConsole = console.Console;
  readonly #nativeError = console.error.bind(console);
  readonly #streams = new Map<"info" | "error", Writable>();
  /** Of the call under way, when it is known better than by the stream. */
  #level: LogLevel | null = null;

  outside(text: string): void {
    this.#nativeError(text);
  }

  /** Prints by the attempt's own console. */
  at(level: LogLevel, attempt: Attempt, method: Method, values: readonly unknown[]): void {
    attempt.console ??= new this.#NativeConsole({
      stdout: this.stream("info"),
      stderr: this.stream("error"),
      colorMode: false,
    });
    this.#level = level;
    try {
      Reflect.apply(attempt.console[method], attempt.console, values);
    } finally {
      this.#level = null;
    }
  }

  /** What stands in for `process.stdout` and `process.stderr`; made on first use, as it takes milliseconds. */
  stream(level: "info" | "error"): Writable {
    const known = this.#streams.get(level);
    if (known !== undefined) return known;
    const { Writable }: typeof import("node:stream") = import.meta.require("node:stream");
    const stream = new Writable({
      write: (chunk, _encoding, done) => {
        this.#print(level, String(chunk));
        done();
      },
    });
    this.#streams.set(level, stream);
    return stream;
  }

  #print(level: "info" | "error", text: string): void {
    const attempt = currentAttempt.getStore();
    if (attempt === undefined) this.outside(text);
    else if (this.#level === null) attempt.lines.writeChunk(level, text);
    else attempt.lines.write(this.#level, text);
  }
}
