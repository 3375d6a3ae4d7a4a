import type { JsonText, Priority, Task } from "./task.ts";

/** What becomes of a time that comes while the task of an earlier one is not final yet. */
export const overlaps = ["skip", "allow", "replace"] as const;
export type Overlap = (typeof overlaps)[number];

/** What becomes of the times that passed while nobody could fire them. */
export const catchUps = ["latest", "none", "all"] as const;
export type CatchUp = (typeof catchUps)[number];

/** Who wrote an entry: someone over the API, or a handler's file, which it follows. */
export const periodicSources = ["api", "handler"] as const;
export type PeriodicSource = (typeof periodicSources)[number];

/** The longest name of a periodic task. */
export const longestPeriodicName = 200;

/** What is wrong with a name of a periodic task, to follow "it", or null. It has to stand as one segment of an address. */
export function periodicNameFault(name: string): string | null {
  if (name === "") return "is empty";
  if (name.length > longestPeriodicName) return `is longer than ${longestPeriodicName} characters`;
  if (name === "." || name === "..") return "means a folder in an address";
  if (name.includes("/")) return "has a slash in it";
  if (name.trim() !== name) return "has a space at one of its ends";
  if (/\p{Cc}/u.test(name) || !name.isWellFormed()) return "has a character in it that cannot be written";
  return null;
}

/** What one says of a periodic task. Null means the handler's own setting at the firing, else the server's. */
export interface PeriodicDefinition {
  readonly name: string;
  readonly funcName: string;
  readonly cronExpression: string;
  /** An IANA name. */
  readonly timezone: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly priority: Priority | null;
  readonly maxRetries: number | null;
  readonly timeoutMs: number | null;
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  readonly enabled: boolean;
}

/** What a handler's file declares: an entry without a say in whether it is paused. */
export type DeclaredEntry = Omit<PeriodicDefinition, "enabled">;

/** A named cron entry that creates tasks. Times are milliseconds since the epoch. */
export interface PeriodicTask extends Omit<PeriodicDefinition, "args" | "kwargs"> {
  /** A JSON array. */
  readonly args: JsonText;
  /** A JSON object. */
  readonly kwargs: JsonText;
  readonly source: PeriodicSource;
  readonly createdAt: number;
  /** The next nominal time; null while it is paused, and when none is left. It only rises. */
  readonly nextRun: number | null;
  /** The nominal time that fired last. */
  readonly lastRun: number | null;
  /** Nominal times that fired. What `trigger` creates is not counted. */
  readonly runCount: number;
  /** The latest nominal time that fired, was skipped or was missed: none up to here is looked at again. */
  readonly decidedUntil: number | null;
  /** Rises with every change of what was said of it, so that nothing fires by what it used to be. */
  readonly revision: number;
}

/** How a nominal time ended. */
export const firingOutcomes = ["fired", "skipped", "missed"] as const;
export type FiringOutcome = (typeof firingOutcomes)[number];

/**
 * Why a nominal time did not fire, or fired late. `overlap`: the task of an earlier one was not final. `invalid_input`: the
 * handler does not take the input any more. `invalid_cron`: the expression or the zone cannot be read any more. `catch_up`: it passed while nobody could fire it (one that fired all the
 * same is `fired` with this reason). `changed`, `paused`: so did the entry before it could be decided.
 */
export const firingReasons = ["overlap", "invalid_input", "invalid_cron", "catch_up", "changed", "paused"] as const;
export type FiringReason = (typeof firingReasons)[number];

/** One line in the history of a periodic task. */
export interface Firing {
  /** When it was due. */
  readonly nominalAt: number;
  readonly outcome: FiringOutcome;
  /** When that was decided. */
  readonly decidedAt: number;
  /** Null for what fired in time. */
  readonly reason: FiringReason | null;
  /** A sentence for a person, where the reason does not say all. */
  readonly detail: string | null;
  /** The task it created, or the unfinished one it was skipped for. It may have been forgotten since. */
  readonly taskId: string | null;
  /** Set on a line that stands for all the nominal times from here to `nominalAt`, too many to list. */
  readonly since: number | null;
}

/** Lines that the history of an entry keeps of each outcome. */
export const keptFirings = 100;

/** What is to become of one nominal time. The store turns a `fire` into a skip when an overlap forbids it. */
export type Decision =
  | {
      readonly kind: "fire";
      readonly nominalAt: number;
      readonly overlap: Overlap;
      readonly reason: "catch_up" | null;
      /** Its `lastRunAt` is for the store to fill in. */
      readonly task: Task;
    }
  | {
      readonly kind: "skip";
      readonly nominalAt: number;
      readonly reason: "invalid_input" | "invalid_cron";
      readonly detail: string;
    }
  | {
      readonly kind: "miss";
      readonly nominalAt: number;
      readonly reason: "catch_up" | "changed" | "paused";
      readonly since: number | null;
    };

/** All that is due of one entry, by its revision and the next time it had: if these have changed it is stale. */
export interface FiringPlan {
  readonly name: string;
  readonly revision: number;
  readonly nextRun: number;
  /** Oldest first; together they account for every nominal time from `nextRun` to the last of them. */
  readonly decisions: readonly Decision[];
  /** The next time after them. */
  readonly followingRun: number | null;
}

/** What a plan came to. `full`: the queue had no room, and the entry waits at the first time that found none. */
export interface Fired {
  readonly name: string;
  readonly kind: "done" | "full" | "stale";
  readonly queued: readonly Task[];
  /** Unfinished tasks that `replace` cancelled. */
  readonly cancelled: readonly Task[];
  /** Ids of the running ones that it marked: whoever runs them has to end them. */
  readonly requested: readonly string[];
  /** The times that were skipped. */
  readonly skipped: readonly Firing[];
}
