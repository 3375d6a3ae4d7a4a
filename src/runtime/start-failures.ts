import type { Clock } from "../domain/clock.ts";
import type { Log } from "../domain/log.ts";

/** Workers that do not start: why, and when the next one may try. */
export class StartFailures {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onRetry: () => void;
  #reason: string | null = null;
  /** In a row. */
  #failures = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #cancelRetry: (() => void) | null = null;

  /** @param onRetry called when the next one may try. */
  constructor(clock: Clock, log: Log, onRetry: () => void) {
    this.#clock = clock;
    this.#log = log;
    this.#onRetry = onRetry;
  }

  /** Why workers do not start, or null. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Whether none may try for now. */
  get isWaiting(): boolean {
    return this.#cancelRetry !== null;
  }

  note(reason: string): void {
    this.#reason = reason;
    if (this.isWaiting) return;
    const now = this.#clock.now();
    this.#failures = now - this.#failedAt > forgetFailuresMs ? 1 : this.#failures + 1;
    this.#failedAt = now;
    const delayMs = Math.min(longestRetryMs, firstRetryMs * 2 ** (this.#failures - 1));
    this.#log.error({ reason, failures: this.#failures, retryInMs: delayMs }, "a worker did not start");
    this.#cancelRetry = this.#clock.after(delayMs, () => {
      this.#cancelRetry = null;
      this.#onRetry();
    });
  }

  /** A worker did start. */
  over(): void {
    this.#reason = null;
  }

  /** A worker was of use: the next failure has nothing to do with those before. */
  forget(): void {
    this.#failures = 0;
  }

  /** Ends the wait for the next try. */
  stopWaiting(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }
}

const firstRetryMs = 100;
const longestRetryMs = 30_000;
/** Failures further apart than this have nothing to do with each other. */
const forgetFailuresMs = 60_000;
