import { afterReading, type Clock } from "../domain/clock.ts";

/** Whether `promise` resolves within `ms` milliseconds; false when that time is over. */
export async function within(clock: Clock, ms: number, promise: Promise<unknown>): Promise<boolean> {
  const over = Promise.withResolvers<false>();
  const cancel = afterReading(clock, ms, () => over.resolve(false));
  const inTime = await Promise.race([promise.then(() => true), over.promise]);
  cancel();
  return inTime;
}

/** Calls `run` again and again, `ms` milliseconds after it ended. The returned function ends that. */
export function every(clock: Clock, ms: number, run: () => void): () => void {
  let cancel = clock.after(ms, again);
  function again(): void {
    run();
    cancel = clock.after(ms, again);
  }
  return () => cancel();
}

/** Calls back once `ms` milliseconds went by without a `restart`. */
export class Deadline {
  readonly #start: () => () => void;
  #cancel: () => void;

  constructor(clock: Clock, ms: number, onOver: () => void) {
    this.#start = () => afterReading(clock, ms, onOver);
    this.#cancel = this.#start();
  }

  restart(): void {
    this.#cancel();
    this.#cancel = this.#start();
  }

  cancel(): void {
    this.#cancel();
  }
}
