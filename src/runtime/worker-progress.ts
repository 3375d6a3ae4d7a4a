import type { Progress } from "../domain/task.ts";
import { maxProgressMessage, progressIntervalMs } from "./worker-limits.ts";

/** The progress of one attempt on its way to the server: the first at once, then the latest ten times a second. */
export class ProgressReport {
  readonly #send: (progress: Progress) => void;
  #waiting: Progress | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #sentAt = Number.NEGATIVE_INFINITY;

  constructor(send: (progress: Progress) => void) {
    this.#send = send;
  }

  /** @throws TypeError when `fraction` is no number from 0 to 1, or `message` no text. */
  report(fraction: unknown, message: unknown): void {
    this.#waiting = checked(fraction, message);
    const now = performance.now();
    if (now - this.#sentAt >= progressIntervalMs) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), progressIntervalMs);
  }

  /** Sends the latest, if it was not sent yet. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#waiting === null) return;
    this.#sentAt = performance.now();
    this.#send(this.#waiting);
    this.#waiting = null;
  }
}

function checked(fraction: unknown, message: unknown): Progress {
  if (typeof fraction !== "number" || !(fraction >= 0 && fraction <= 1)) {
    throw new TypeError(`progress takes a fraction from 0 to 1, not ${String(fraction)}`);
  }
  if (message === undefined || message === null) return { fraction, message: null };
  if (typeof message !== "string") throw new TypeError(`progress takes a text as its message, not ${typeof message}`);
  return { fraction, message: message.slice(0, maxProgressMessage) };
}
