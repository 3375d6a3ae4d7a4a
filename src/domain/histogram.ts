/** Values counted by size. Counting one is a short scan and no allocation, so that it may be done for each task. */
export interface Histogram {
  /** Upper bounds, inclusive and rising. */
  readonly bounds: readonly number[];
  /** Values up to each bound and above the one before; the last count is of those above every bound. */
  readonly counts: readonly number[];
  /** Of all values. */
  readonly sum: number;
  observe(value: number): void;
}

export function createHistogram(bounds: readonly number[]): Histogram {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  let sum = 0;
  return {
    bounds,
    counts,
    get sum() {
      return sum;
    },
    observe(value) {
      let place = 0;
      for (const bound of bounds) {
        if (value <= bound) break;
        place += 1;
      }
      counts[place] = (counts[place] ?? 0) + 1;
      sum += value;
    },
  };
}
