import type { Clock } from "../domain/clock.ts";
import { isStoreUnavailable } from "../domain/error.ts";
import type { Store } from "../storage/store.ts";
import { mergedSeries, type Sample, Series, type SeriesPoint } from "./series.ts";

/** What happened lately, in steps of equal length: for charts. Percentiles are in seconds, true to within a fifth. */
export interface HistorySpan {
  /** Start of the first step. */
  readonly from: number;
  readonly stepMs: number;
  /** The oldest first; the last is not over yet. */
  readonly points: readonly HistoryPoint[];
  /** All steps together. */
  readonly total: SeriesPoint;
}

export interface HistoryPoint extends SeriesPoint {
  /** Tasks that were queued, and that ran, when the step ended; null where nobody looked, and for a single handler. */
  readonly waiting: number | null;
  readonly running: number | null;
}

/** Remembers what happens to tasks for three hours by the minute, and for the last quarter of an hour by ten seconds. */
export interface History {
  record(handler: string, sample: Sample): void;
  /** Takes down how many tasks wait and run now. */
  observe(waiting: number, running: number): void;
  /** The last `minutes`, of all handlers or of one. */
  span(minutes: number, handler?: string): HistorySpan;
}

/** How far back it goes. */
export const longestMinutes = 180;
/** Up to here all handlers together are told by ten seconds. */
export const fineMinutes = 15;

const minuteMs = 60_000;
/** The step of the last minutes, and how often what waits and runs is taken down. */
const fineStepMs = 10_000;

/** Takes down again and again how many tasks wait and run. */
export interface Observation {
  start(): void;
  stop(): void;
}

export function createHistory(clock: Pick<Clock, "now">): History {
  const fine = new Series(fineStepMs, (fineMinutes * minuteMs) / fineStepMs + 1);
  const coarse = new Series(minuteMs, longestMinutes + 1);
  const handlers = new Map<string, Series>();

  function seriesOf(handler: string): Series {
    const known = handlers.get(handler);
    if (known !== undefined) return known;
    const series = new Series(minuteMs, longestMinutes + 1);
    handlers.set(handler, series);
    return series;
  }

  return {
    record(handler, sample) {
      const now = clock.now();
      fine.record(now, sample);
      coarse.record(now, sample);
      seriesOf(handler).record(now, sample);
    },
    observe(waiting, running) {
      const now = clock.now();
      fine.observe(now, waiting, running);
      coarse.observe(now, waiting, running);
    },
    span(minutes, handler) {
      const series = handler === undefined ? (minutes <= fineMinutes ? fine : coarse) : handlers.get(handler);
      const stepMs = series?.stepMs ?? minuteMs;
      const steps = (minutes * minuteMs) / stepMs;
      const from = (Math.floor(clock.now() / stepMs) - steps + 1) * stepMs;
      const starts = Array.from({ length: steps }, (_, step) => from + step * stepMs);
      const shown = series ?? new Series(stepMs, 1);
      return { from, stepMs, points: starts.map((at) => shown.at(at)), total: mergedSeries(shown, starts) };
    },
  };
}

export function createObservation(history: History, { store, clock }: { store: Store; clock: Clock }): Observation {
  let cancelTimer: (() => void) | null = null;

  function next(): void {
    cancelTimer = clock.after(fineStepMs, next);
    void store.counts().then(({ byStatus }) => history.observe(byStatus.queued, byStatus.running), leaveGap);
  }

  return {
    start: next,
    stop() {
      cancelTimer?.();
    },
  };
}

function leaveGap(error: unknown): void {
  if (!isStoreUnavailable(error)) throw error;
}
