import type { Counts } from "../storage/store.ts";
import type { WorkerState } from "./runner.ts";

/** Percentiles of the latest attempts, in seconds; null before the first. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface HandlerMetrics {
  /** Attempts since the start, by how they ended. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly wait: Percentiles;
  readonly run: Percentiles;
}

export interface Metrics {
  readonly counts: Counts;
  /** Results that came after their attempt had lost its task, since the start. */
  readonly discarded: number;
  readonly slots: number;
  readonly workers: readonly WorkerState[];
  readonly handlers: ReadonlyMap<string, HandlerMetrics>;
  readonly now: number;
}

export interface Health {
  readonly status: "healthy" | "draining" | "unhealthy";
  /** Why it is not healthy. */
  readonly reason: string | null;
}
