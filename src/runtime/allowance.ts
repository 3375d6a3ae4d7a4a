import type { Clock } from "../domain/clock.ts";

/**
 * How many messages one worker may send: as many as its attempts have a use for, and some more. The worker's own code
 * keeps far below that, so that one with nothing left is flooding the server.
 */
export class Allowance {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #most: number;
  #left: number;
  #filledAt: number;

  /**
   * @param concurrency attempts that the worker runs at once.
   * @param loads files that it tells of before it is ready.
   */
  constructor(clock: Clock, concurrency: number, loads: number) {
    this.#clock = clock;
    this.#perMs = (concurrency * perAttemptAndSecond) / 1_000;
    this.#most = atOnce + loads + concurrency * perAttempt;
    this.#left = this.#most;
    this.#filledAt = clock.now();
  }

  /** Takes one message; false when there is none left. */
  take(): boolean {
    if (this.#left < 1) this.#refill();
    this.#left -= 1;
    return this.#left >= 0;
  }

  /** An attempt has ended, and another may have its place. */
  attemptEnded(): void {
    this.#left = Math.min(this.#most, this.#left + perAttempt);
  }

  #refill(): void {
    const now = this.#clock.now();
    this.#left = Math.min(this.#most, Math.max(0, this.#left) + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
  }
}

const atOnce = 2_000;
/** Bursts of its log, its last progress, its end. */
const perAttempt = 50;
/** Its log goes out 20 times a second, its progress 10 times. */
const perAttemptAndSecond = 100;
