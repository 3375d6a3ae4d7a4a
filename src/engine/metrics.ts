import { createHistogram, type Histogram } from "../domain/histogram.ts";
import { type finalStatuses, isFinal, type Task } from "../domain/task.ts";
import type { Settlement } from "../domain/transition.ts";
import type { Counts, StoreStats } from "../storage/store.ts";
import type { History } from "./history.ts";
import type { WorkerState } from "./runner.ts";
import type { Percentiles } from "./series.ts";

export interface HandlerMetrics {
  /** Attempts since the start, by how they ended. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** From due to started. */
  readonly wait: Percentiles;
  /** From started to ended. */
  readonly run: Percentiles;
}

/** Why an attempt ended by force: it did not heed its abort, or its worker went down under it. */
export const killCauses = ["timeout", "cancelled", "shutdown", "memory", "crashed"] as const;
export type KillCause = (typeof killCauses)[number];

export interface Metrics {
  readonly counts: Counts;
  /** Results that came after their attempt had lost its task, since the start. */
  readonly discarded: number;
  /** Attempts that ended by force since the start, by cause. */
  readonly kills: Readonly<Record<KillCause, number>>;
  /** Attempts that can run at once. */
  readonly slots: number;
  readonly workers: readonly WorkerState[];
  readonly handlers: Readonly<Record<string, HandlerMetrics>>;
  readonly now: number;
}

/** What became of a handler's tasks since the start. Histograms are of seconds. */
export interface HandlerMeasures {
  /** Attempts, by how they ended. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Tasks that became final. */
  readonly finished: Readonly<Record<FinalStatus, number>>;
  readonly retries: number;
  /** From due to started. */
  readonly wait: Histogram;
  /** From started to ended. */
  readonly run: Histogram;
}

/** As `Metrics`, for who computes rates and percentiles himself. */
export interface Measures extends Omit<Metrics, "handlers"> {
  readonly store: StoreStats;
  readonly handlers: ReadonlyMap<string, HandlerMeasures>;
}

export interface Health {
  readonly status: "healthy" | "draining" | "unhealthy";
  /** Why it is not healthy. */
  readonly reason: string | null;
}

/** Counts and times what happens, since the start. */
export interface Meter {
  settled(task: Task, settlement: Settlement): void;
  /** A task was cancelled that waited. */
  cancelled(task: Task): void;
  discarded(): void;
  killed(cause: KillCause): void;
  readonly discardedCount: number;
  readonly kills: Readonly<Record<KillCause, number>>;
  handlers(): Readonly<Record<string, HandlerMetrics>>;
  readonly measures: ReadonlyMap<string, HandlerMeasures>;
}

type FinalStatus = (typeof finalStatuses)[number];

/** Handlers that are told apart. Files come and go, and whoever keeps the figures must not drown in names. */
export const mostHandlers = 200;
/** Stands for all handlers beyond those; no handler's name begins so. */
export const otherHandlers = "_other";

/** Attempts of a handler over which percentiles are taken. */
const window = 1_000;

/** From a few milliseconds, the finest that the clock tells, to half an hour. */
const boundsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];

interface HandlerMeter extends HandlerMeasures {
  readonly outcomes: Map<string, number>;
  readonly finished: Record<FinalStatus, number>;
  retries: number;
  readonly waitMs: number[];
  readonly runMs: number[];
  /** Where the next pair of times goes. */
  next: number;
}

/** @param history also hears of what is counted, under the same names. */
export function createMeter(history?: Pick<History, "record">): Meter {
  const meters = new Map<string, HandlerMeter>();
  const nameOf = (handler: string) => (meters.has(handler) ? handler : otherHandlers);
  const kills: Record<KillCause, number> = { timeout: 0, cancelled: 0, shutdown: 0, memory: 0, crashed: 0 };
  let discarded = 0;

  function meterOf(name: string): HandlerMeter {
    const known = meters.get(name);
    if (known !== undefined) return known;
    if (meters.size >= mostHandlers && name !== otherHandlers) return meterOf(otherHandlers);
    const meter: HandlerMeter = {
      outcomes: new Map(),
      finished: { completed: 0, failed: 0, cancelled: 0 },
      retries: 0,
      wait: createHistogram(boundsSeconds),
      run: createHistogram(boundsSeconds),
      waitMs: [],
      runMs: [],
      next: 0,
    };
    meters.set(name, meter);
    return meter;
  }

  return {
    settled(task, { attempt, status }) {
      if (attempt?.outcome == null || attempt.endedAt === null) return;
      if (attempt.errorKind === "memory" || attempt.errorKind === "crashed") kills[attempt.errorKind] += 1;
      const meter = meterOf(task.funcName);
      meter.outcomes.set(attempt.outcome, (meter.outcomes.get(attempt.outcome) ?? 0) + 1);
      if (isFinal(status)) meter.finished[status] += 1;
      else if (status === "retrying") meter.retries += 1;
      const waitMs = Math.max(0, attempt.startedAt - task.runAt);
      const runMs = Math.max(0, attempt.endedAt - attempt.startedAt);
      meter.wait.observe(waitMs / 1_000);
      meter.run.observe(runMs / 1_000);
      meter.waitMs[meter.next] = waitMs;
      meter.runMs[meter.next] = runMs;
      meter.next = (meter.next + 1) % window;
      const end = isFinal(status) ? status : status === "retrying" ? "retried" : null;
      history?.record(nameOf(task.funcName), { end, times: { waitMs, runMs } });
    },
    cancelled(task) {
      meterOf(task.funcName).finished.cancelled += 1;
      history?.record(nameOf(task.funcName), { end: "cancelled", times: null });
    },
    discarded() {
      discarded++;
    },
    killed(cause) {
      kills[cause] += 1;
    },
    kills,
    get discardedCount() {
      return discarded;
    },
    measures: meters,
    handlers: () =>
      Object.fromEntries(
        [...meters].map(([name, { outcomes, waitMs, runMs }]) => [
          name,
          { outcomes: Object.fromEntries(outcomes), wait: percentiles(waitMs), run: percentiles(runMs) },
        ]),
      ),
  };
}

function percentiles(samplesMs: readonly number[]): Percentiles {
  const sorted = samplesMs.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const sample = sorted[Math.ceil(share * sorted.length) - 1];
    return sample === undefined ? null : sample / 1_000;
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
