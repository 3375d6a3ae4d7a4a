import type { EventType } from "../../../../domain/event.ts";

/** The events that are counted, in the order of the chart's lines. */
export const tallied = [
  "task_completed",
  "task_failed",
  "task_retrying",
  "task_cancelled",
] as const satisfies EventType[];

const lines: readonly EventType[] = tallied;

/** Seconds that are kept. */
const span = 300;

/** Counts events by second, over the latest few minutes: what it holds does not grow. */
export class Tally {
  readonly #from: number;
  readonly #counts = new Map<number, number[]>();

  /** @param now milliseconds since the epoch; what was before is not known. */
  constructor(now: number) {
    this.#from = Math.floor(now / 1_000);
  }

  add(type: EventType, at: number): void {
    const line = lines.indexOf(type);
    if (line === -1) return;
    const second = Math.floor(at / 1_000);
    const counts = this.#counts.get(second) ?? tallied.map(() => 0);
    counts[line] = (counts[line] ?? 0) + 1;
    this.#counts.set(second, counts);
  }

  /** For the chart: the seconds, then the counts of each line. The present second is not over and left out. */
  columns(now: number): readonly (readonly (number | null)[])[] {
    const last = Math.floor(now / 1_000) - 1;
    for (const second of this.#counts.keys()) if (second <= last - span) this.#counts.delete(second);
    const seconds = Array.from({ length: span }, (_, index) => last - span + 1 + index);
    return [
      seconds,
      ...tallied.map((_, line) =>
        seconds.map((second) => (second < this.#from ? null : (this.#counts.get(second)?.[line] ?? 0))),
      ),
    ];
  }
}
