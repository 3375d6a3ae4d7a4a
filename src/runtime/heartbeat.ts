import type { Clock } from "../domain/clock.ts";
import type { Child } from "./child.ts";
import { within } from "./timing.ts";

/** Finds out whether a worker's event loop still turns. */
export class Heartbeat {
  readonly #child: Child;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, () => void>();
  #asked = 0;

  constructor(child: Child, clock: Clock) {
    this.#child = child;
    this.#clock = clock;
  }

  /** Asks, and waits for the answer as long as a loop that turns could need. */
  async answers(): Promise<boolean> {
    const id = this.#asked++;
    const pong = Promise.withResolvers<void>();
    this.#waiting.set(id, pong.resolve);
    this.#child.send({ type: "ping", id });
    const answered = await within(this.#clock, pongMs, pong.promise);
    this.#waiting.delete(id);
    return answered;
  }

  /** Takes the answer. */
  pong(id: number): void {
    this.#waiting.get(id)?.();
  }
}

const pongMs = 500;
