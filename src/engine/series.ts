/** In seconds; null where nothing was timed. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** An attempt that ended, or a task that was cancelled as it waited. */
export interface Sample {
  /** What the task has become; null when the attempt was given back. */
  readonly end: "completed" | "failed" | "cancelled" | "retried" | null;
  /** Null when it did not run. */
  readonly times: { readonly waitMs: number; readonly runMs: number } | null;
}

/** What happened within a time. */
export interface SeriesPoint {
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly retried: number;
  readonly wait: Percentiles;
  readonly run: Percentiles;
}

const ends = { completed: 0, failed: 1, cancelled: 2, retried: 3 } as const;
/** Times are counted by size: 0, then each bound 1.4 times the one before, from a millisecond to an hour and more. */
const sizes = 48;
const factor = Math.log(1.4);
const waitAt = 4;
const runAt = waitAt + sizes;
const width = runAt + sizes;

/** A ring of counts, one row for each step of time. Recording is a few additions and no allocation. */
export class Series {
  readonly stepMs: number;
  readonly #rows: number;
  readonly #counts: Uint32Array;
  /** Which step a row is of. */
  readonly #steps: Float64Array;
  readonly #waiting: (number | null)[];
  readonly #running: (number | null)[];

  constructor(stepMs: number, rows: number) {
    this.stepMs = stepMs;
    this.#rows = rows;
    this.#counts = new Uint32Array(rows * width);
    this.#steps = new Float64Array(rows).fill(-1);
    this.#waiting = new Array<number | null>(rows).fill(null);
    this.#running = new Array<number | null>(rows).fill(null);
  }

  record(now: number, { end, times }: Sample): void {
    const base = this.#rowAt(now) * width;
    if (end !== null) this.#add(base + ends[end]);
    if (times === null) return;
    this.#add(base + waitAt + sizeOf(times.waitMs));
    this.#add(base + runAt + sizeOf(times.runMs));
  }

  observe(now: number, waiting: number, running: number): void {
    const row = this.#rowAt(now);
    this.#waiting[row] = waiting;
    this.#running[row] = running;
  }

  /** The step that begins at `start`. */
  at(start: number): SeriesPoint & { readonly waiting: number | null; readonly running: number | null } {
    const counts = new Uint32Array(width);
    this.addTo(counts, start);
    const row = this.#held(start);
    return {
      ...pointOf(counts),
      waiting: row === null ? null : (this.#waiting[row] ?? null),
      running: row === null ? null : (this.#running[row] ?? null),
    };
  }

  /** Adds the counts of a step to `sum`. */
  addTo(sum: Uint32Array, start: number): void {
    const row = this.#held(start);
    if (row === null) return;
    for (let place = 0; place < width; place++) {
      sum[place] = (sum[place] ?? 0) + (this.#counts[row * width + place] ?? 0);
    }
  }

  #add(place: number): void {
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
  }

  #held(start: number): number | null {
    const step = Math.floor(start / this.stepMs);
    const row = step % this.#rows;
    return this.#steps[row] === step ? row : null;
  }

  /** The row of that time, which may have been that of a time long past. */
  #rowAt(now: number): number {
    const step = Math.floor(now / this.stepMs);
    const row = step % this.#rows;
    if (this.#steps[row] === step) return row;
    this.#steps[row] = step;
    this.#counts.fill(0, row * width, (row + 1) * width);
    this.#waiting[row] = null;
    this.#running[row] = null;
    return row;
  }
}

/** The steps that begin at `starts`, together. */
export function mergedSeries(series: Series, starts: readonly number[]): SeriesPoint {
  const sum = new Uint32Array(width);
  for (const start of starts) series.addTo(sum, start);
  return pointOf(sum);
}

function pointOf(counts: Uint32Array): SeriesPoint {
  return {
    completed: counts[ends.completed] ?? 0,
    failed: counts[ends.failed] ?? 0,
    cancelled: counts[ends.cancelled] ?? 0,
    retried: counts[ends.retried] ?? 0,
    wait: percentilesOf(counts.subarray(waitAt, waitAt + sizes)),
    run: percentilesOf(counts.subarray(runAt, runAt + sizes)),
  };
}

function sizeOf(ms: number): number {
  return ms < 1 ? 0 : Math.min(sizes - 1, 1 + Math.floor(Math.log(ms) / factor));
}

function percentilesOf(counts: Uint32Array): Percentiles {
  let total = 0;
  for (const count of counts) total += count;
  const at = (share: number) => {
    if (total === 0) return null;
    let left = Math.ceil(share * total);
    let size = 0;
    for (const count of counts) {
      left -= count;
      if (left <= 0) break;
      size += 1;
    }
    return secondsOf(size);
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** The middle of what is counted there, to the tenth of a millisecond. */
function secondsOf(size: number): number {
  return size === 0 ? 0 : Math.round(Math.exp((size - 0.5) * factor) * 10) / 10_000;
}
