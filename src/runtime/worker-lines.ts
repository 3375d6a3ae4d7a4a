import type { LogLevel } from "../domain/task.ts";
import type { LineReport } from "./protocol.ts";
import { maxLineBytes, maxLines, maxLogBytes } from "./worker-limits.ts";
import { clip } from "./worker-text.ts";

/**
 * The log of one attempt on its way to the server. The first lines go out at once, so that a handler that logs and
 * then loops is heard; one that logs without end is sent in batches, and cut at its limit.
 */
export class Lines {
  readonly #send: (lines: LineReport[]) => void;
  #waiting: LineReport[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #credit = burst;
  #creditAt = performance.now();
  #lines = 0;
  #bytes = 0;
  #open = true;
  /** What was written to stdout and stderr since the last line break. */
  readonly #partial = { info: "", error: "" };

  constructor(send: (lines: LineReport[]) => void) {
    this.#send = send;
  }

  /** Whether more is taken: not after the limit, nor after the end. */
  get open(): boolean {
    return this.#open;
  }

  /** One line, or as many as there are line breaks in `text`. */
  write(level: LogLevel, text: string): void {
    let from = 0;
    while (this.#open) {
      const to = text.indexOf("\n", from);
      this.#add(level, text.slice(from, to < 0 ? undefined : to));
      if (to < 0 || to === text.length - 1) break;
      from = to + 1;
    }
    if (!this.#open || this.#waiting.length >= batchLines) this.flush();
    else if (this.#waiting.length > 0) this.#sendSoon();
  }

  /** A piece of a stream: a line counts once it is ended, or too long. */
  writeChunk(level: "info" | "error", chunk: string): void {
    const text = this.#partial[level] + chunk;
    const end = text.length > maxLineBytes ? text.length : text.lastIndexOf("\n") + 1;
    this.#partial[level] = text.slice(end);
    if (end > 0) this.write(level, text.slice(0, end));
  }

  /** Sends what waits. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#waiting.length === 0) return;
    const lines = this.#waiting;
    this.#waiting = [];
    this.#send(lines);
  }

  /** Sends all there is; what comes later is dropped. */
  close(): void {
    for (const level of ["info", "error"] as const) {
      if (this.#partial[level] !== "") this.write(level, this.#partial[level]);
    }
    this.#open = false;
    this.flush();
  }

  #add(level: LogLevel, text: string): void {
    const message = clip(text.endsWith("\r") ? text.slice(0, -1) : text, maxLineBytes);
    this.#lines += 1;
    this.#bytes += Buffer.byteLength(message);
    if (this.#lines <= maxLines && this.#bytes <= maxLogBytes) {
      this.#waiting.push({ level, message });
      return;
    }
    this.#open = false;
    this.#waiting.push({ level: "warn", message: cutNote });
  }

  #sendSoon(): void {
    const now = performance.now();
    this.#credit = Math.min(burst, this.#credit + (now - this.#creditAt) / batchMs);
    this.#creditAt = now;
    if (this.#credit >= 1) {
      this.#credit -= 1;
      this.flush();
    } else {
      this.#timer ??= setTimeout(() => this.flush(), batchMs);
    }
  }
}

/** So many sends may follow each other at once; after that there is one in `batchMs`. */
const burst = 16;
const batchMs = 50;
/** A batch of this size waits no longer: the handler may loop and let no timer run. */
const batchLines = 100;

const cutNote =
  `The log was cut here: what this attempt logged after ${maxLines} lines or ${maxLogBytes / 1024} KiB ` +
  "was dropped";
