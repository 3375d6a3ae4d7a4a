import type { Stage } from "./stage.ts";

export type Unit = "per second" | "ms" | "MB" | "count";

/** One line of the benchmark: a number that is measured once a round. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  /** What it should reach, or stay below unless it is a rate. */
  readonly goal?: number;
}

/** One figure by another of the same round. */
export interface Ratio {
  readonly title: string;
  readonly of: string;
  readonly to: string;
  readonly goal?: number;
}

/** What one round gives: a number for each figure, by its id. */
export type Sample = Readonly<Record<string, number>>;

export interface RoundOptions {
  readonly stage: Stage;
  /** From 0. */
  readonly round: number;
  /** How long a measurement by time takes; those by count are sized by it. */
  readonly seconds: number;
  /** Says what is being measured, to whoever waits. */
  readonly say: (text: string) => void;
}

/** Figures that are measured together, alternating within each round. */
export interface Group {
  readonly name: string;
  readonly title: string;
  /** Measured only when it is asked for by its name. */
  readonly isExtra?: true;
  readonly figures: readonly Figure[];
  readonly ratios: readonly Ratio[];
  measure(options: RoundOptions): Promise<Sample>;
}
