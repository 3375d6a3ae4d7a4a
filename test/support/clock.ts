import type { Clock } from "../../src/domain/clock.ts";

/** Turns of the event loop given to whatever is under way: enough for a few writes, each of which takes one. */
const turns = 12;

interface Timer {
  /** In the clock's own running time, which no jump changes. */
  readonly at: number;
  readonly run: () => void;
}

/** Time that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now: number;
  #elapsed = 0;
  readonly #timers = new Set<Timer>();

  constructor(now = Date.UTC(2030, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#elapsed + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets `ms` milliseconds pass: fires what becomes due, in order, and waits after each for what it has set off. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    await this.settle();
    for (let timer = this.#next(until); timer !== null; timer = this.#next(until)) {
      this.#timers.delete(timer);
      this.#pass(timer.at);
      timer.run();
      await this.settle();
    }
    this.#pass(until);
  }

  /** Moves the wall clock alone, as someone who sets it: no timer fires sooner or later for it. */
  jump(ms: number): void {
    this.#now += ms;
  }

  /** Lets promises and callbacks that are due run, without any time passing. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  #next(until: number): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) {
      if (timer.at <= until && (next === null || timer.at < next.at)) next = timer;
    }
    return next;
  }

  #pass(until: number): void {
    this.#now += until - this.#elapsed;
    this.#elapsed = until;
  }
}
