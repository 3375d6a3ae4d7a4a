import type { Histogram } from "../domain/histogram.ts";
import type { Decision, Fired, Firing, FiringPlan, PeriodicSource, PeriodicTask } from "../domain/periodic.ts";
import type { Attempt, ErrorKind, LogLine, Priority, Progress, Status, Task } from "../domain/task.ts";
import type { Settlement } from "../domain/transition.ts";

/** What tasks have to be, all of it at once. Times are milliseconds since the epoch. */
export interface TaskFilter {
  /** Any of them. */
  readonly statuses?: readonly Status[];
  readonly funcName?: string;
  readonly priority?: Priority;
  /** Created then or later. */
  readonly createdAfter?: number;
  /** Created earlier. */
  readonly createdBefore?: number;
  /** Within the text of the error, in capitals or not. */
  readonly error?: string;
  readonly periodicTask?: string;
  /** The beginning of an id, from eight digits on; anything else is a part of a handler's name. */
  readonly search?: string;
}

export interface ListFilter extends TaskFilter {
  /** How many at most. */
  readonly limit: number;
  /** Where the page before ended, as its `next` said. */
  readonly cursor?: string;
}

export interface TaskPage {
  /** Newest first. Fewer than asked for, or none, when what a page may look at did not hold more. */
  readonly tasks: readonly Task[];
  /** The cursor of the next page, or null after the last. */
  readonly next: string | null;
}

/** As a page, without the tasks. */
export interface Counted {
  readonly count: number;
  readonly next: string | null;
}

/** A task that failed, in short. */
export interface FailedTask {
  readonly id: string;
  readonly funcName: string;
  /** Of long ones the beginning. */
  readonly error: string | null;
  readonly errorKind: ErrorKind | null;
  readonly failedAt: number;
}

/** Kept up with every commit, so that nobody counts rows. */
export interface Counts {
  /** Tasks in each status now. */
  readonly byStatus: Readonly<Record<Status, number>>;
  /** Tasks ever accepted. */
  readonly enqueued: number;
  /** Claims ever made. */
  readonly dequeued: number;
}

/** What a store tells of itself; what is counted is counted since it was opened. */
export interface StoreStats {
  /** What keeps the tasks, with its version. */
  readonly product: string;
  /** How long transactions took from their begin until they were durable, in seconds. */
  readonly commitSeconds: Histogram;
  /** Transactions that were undone. */
  readonly failedCommits: number;
  /** Writes asked for; those of one turn share a transaction. */
  readonly writes: number;
  readonly databaseBytes: number;
  /** Bytes of the write-ahead log. */
  readonly walBytes: number;
  /** When the queued task that waits longest was due, or null when none is queued. */
  readonly oldestQueuedAt: number | null;
}

export type Cancellation =
  /** It waited and is cancelled now. */
  | { readonly kind: "cancelled"; readonly task: Task }
  /** It runs: it is marked, and whoever runs it has to end it. */
  | { readonly kind: "requested"; readonly task: Task }
  | { readonly kind: "final"; readonly task: Task };

/** How much may be claimed. */
export interface ClaimLimits {
  /** Tasks of whatever handler. */
  readonly free: number;
  /** Tasks beyond these, for as long as all that is claimed, and the next in order, is of `quick` handlers. */
  readonly ahead: number;
  readonly quick: ReadonlySet<string>;
}

/** What a running attempt reports of itself. */
export interface AttemptReport {
  readonly taskId: string;
  /** The lease it runs under. */
  readonly attempt: number;
  /** Null leaves it as it was. */
  readonly progress: Progress | null;
  readonly lines: readonly LogLine[];
}

export interface RetentionCutoffs {
  /** Completed and cancelled tasks that ended before this go. */
  readonly completedBefore: number;
  readonly failedBefore: number;
}

/**
 * Where tasks live, and the only truth about them. A promise resolves after its write is durable. When the medium
 * refuses (full disk, I/O error) it rejects with a TaskflowError `store_unavailable`, and nothing was written as far as it
 * knows: callers must bear it that it was after all. Writes take effect, and their promises settle, in the order of the
 * calls: the events of a task keep it.
 */
export interface Store {
  /** Accepts all of `tasks`, or none of them when more than `maxWaiting` would then wait. Says whether it did. */
  insert(tasks: readonly Task[], maxWaiting: number): Promise<boolean>;
  /**
   * Takes queued tasks in the order of dispatch: each runs from now on, under a new lease. `limits` is called when it is
   * this write's turn, so that it counts what came free until then; maybe more than once.
   */
  claim(limits: () => ClaimLimits, now: number): Promise<readonly Task[]>;
  /** Ends an attempt, if the task still runs under that lease. Says whether it did. */
  settle(taskId: string, attempt: number, settlement: Settlement): Promise<boolean>;
  /** Keeps progress and log lines; the progress of an attempt that no longer owns its task is dropped. */
  report(reports: readonly AttemptReport[]): Promise<void>;
  /** Queues up to `limit` pending or retrying tasks that are due, the first due first. */
  promote(limit: number, now: number): Promise<readonly Task[]>;
  /** When the next pending or retrying task is due, or null. */
  nextDue(): Promise<number | null>;
  /** Cancels one task, or marks it when it runs. Null when there is no such task. */
  cancel(taskId: string, now: number): Promise<Cancellation | null>;
  /** Cancels up to `limit` tasks that wait. */
  cancelWaiting(limit: number, now: number): Promise<readonly Task[]>;
  /** Settles up to `limit` tasks that an earlier process left running, each as `settled` says. */
  recover(limit: number, settled: (task: Task) => Settlement): Promise<readonly Task[]>;
  /** Forgets up to `limit` final tasks that ended before the cutoffs, with their history. Says how many. */
  prune(cutoffs: RetentionCutoffs, limit: number): Promise<number>;
  /** Writes something small, to find out whether the medium takes writes. */
  probe(): Promise<void>;
  /**
   * Carries the plans out, each whole or, where the queue is full, up to there: creates the tasks, moves the entry to its
   * next time, writes its history. An entry that is not as its plan says any more is left alone, so that no nominal time
   * is decided twice.
   */
  fire(plans: readonly FiringPlan[], now: number, maxWaiting: number): Promise<readonly Fired[]>;
  /**
   * Writes an entry under its name, if what is there now is `before` (null: nothing). Says whether it was. `passed` are
   * nominal times of the entry before that go by undecided otherwise: they join the history.
   */
  savePeriodic(
    entry: PeriodicTask,
    before: PeriodicTask | null,
    passed: readonly Decision[],
    now: number,
  ): Promise<boolean>;
  /** Forgets the entry of that name and source, and its history; its tasks stay. Says whether there was one. */
  removePeriodic(name: string, source: PeriodicSource): Promise<boolean>;
  /** Up to `limit` entries whose next time has come, the first first. */
  duePeriodic(limit: number, now: number): Promise<readonly PeriodicTask[]>;
  /** The next time of all entries, or null. */
  nextFiring(): Promise<number | null>;
  findPeriodic(name: string): Promise<PeriodicTask | null>;
  /** By name. */
  listPeriodic(): Promise<readonly PeriodicTask[]>;
  /** The last lines of each outcome, newest first. */
  firings(name: string): Promise<readonly Firing[]>;
  find(taskId: string): Promise<Task | null>;
  list(filter: ListFilter): Promise<TaskPage>;
  /** How many tasks the page of that filter would have. */
  count(filter: ListFilter): Promise<Counted>;
  /** How many tasks are claimed before that one, counted up to `limit`; 0 unless it is queued. */
  ahead(taskId: string, limit: number): Promise<number>;
  /** The attempts that ended, in their order. */
  attempts(taskId: string): Promise<readonly Attempt[]>;
  logs(taskId: string): Promise<readonly LogLine[]>;
  /** Up to `limit` tasks that failed at that time or later, the last first. */
  failures(since: number, limit: number): Promise<readonly FailedTask[]>;
  counts(): Promise<Counts>;
  stats(): Promise<StoreStats>;
  /** Waits for the writes under way and lets go of the medium. */
  close(): Promise<void>;
}
