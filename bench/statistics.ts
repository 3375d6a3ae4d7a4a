/** What repeated measurements of one thing come to. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError when there is nothing to sum up. */
export function summarize(samples: readonly number[]): Summary {
  const sorted = inOrder(samples);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? at(sorted, middle) : (at(sorted, middle - 1) + at(sorted, middle)) / 2;
  return { median, min: at(sorted, 0), max: at(sorted, sorted.length - 1) };
}

/**
 * The smallest sample that is not exceeded by `share` (above 0, up to 1) of them: nearest rank, nothing interpolated.
 * @throws RangeError when there are none.
 */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = inOrder(samples);
  return at(sorted, Math.ceil(share * sorted.length) - 1);
}

function inOrder(samples: readonly number[]): readonly number[] {
  return samples.toSorted((a, b) => a - b);
}

function at(sorted: readonly number[], index: number): number {
  const sample = sorted[index];
  if (sample === undefined) throw new RangeError("there are no samples");
  return sample;
}
