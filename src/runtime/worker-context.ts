import { formatWithOptions } from "node:util";
import { longestTimerMs } from "../domain/clock.ts";
import type { AttemptContext } from "../domain/handler.ts";
import type { LogLevel } from "../domain/task.ts";
import type { RunRequest } from "./protocol.ts";
import type { Lines } from "./worker-lines.ts";

/** What of an attempt its handler can reach. */
interface Reachable {
  readonly lines: Lines;
  readonly signal: AbortSignal;
  progress(fraction: unknown, message: unknown): void;
}

/** What the handler gets beside its input. Its methods work without `this`. */
export function attemptContext(attempt: Reachable, request: RunRequest): AttemptContext {
  const line =
    (level: LogLevel) =>
    (...values: unknown[]) =>
      logValues(attempt.lines, level, values);
  return {
    taskId: request.taskId,
    attempt: request.attempt,
    maxAttempts: request.maxAttempts,
    get signal() {
      return attempt.signal;
    },
    progress: (fraction, message) => attempt.progress(fraction, message),
    log: { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") },
    sleep: (ms) => sleep(ms, attempt.signal),
    scheduledFor: dateOrNull(request.scheduledFor),
    lastRunAt: dateOrNull(request.lastRunAt),
    traceparent: request.traceparent,
  };
}

/** Logs values as `console` would print them, without colours. */
export function logValues(lines: Lines, level: LogLevel, values: readonly unknown[]): void {
  if (!lines.open) return;
  lines.write(level, formatWithOptions({ colors: false }, ...values));
}

function dateOrNull(at: number | null): Date | null {
  return at === null ? null : new Date(at);
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (typeof ms !== "number" || Number.isNaN(ms)) {
    return Promise.reject(new TypeError(`sleep takes milliseconds, not ${String(ms)}`));
  }
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const until = performance.now() + ms;
    const wait = (leftMs: number) => setTimeout(step, Math.min(Math.max(leftMs, 0), longestTimerMs));
    const step = () => {
      const leftMs = until - performance.now();
      if (leftMs > 0) {
        timer = wait(leftMs);
        return;
      }
      signal.removeEventListener("abort", stop);
      resolve();
    };
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
    let timer = wait(ms);
  });
}
