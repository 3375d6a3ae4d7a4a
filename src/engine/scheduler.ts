import type { Clock } from "../domain/clock.ts";
import { isStoreUnavailable } from "../domain/error.ts";
import type { Log } from "../domain/log.ts";
import type { Store } from "../storage/store.ts";
import type { EventBus } from "./events.ts";
import type { StoreFault } from "./store-fault.ts";

/** Queues tasks when their time has come. */
export interface Scheduler {
  start(): void;
  /** A task is due at that time (ms since the epoch). */
  expect(dueAt: number): void;
  stop(): Promise<void>;
}

export interface SchedulerParts {
  readonly store: Store;
  readonly storeFault: StoreFault;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when tasks were queued. */
  readonly onQueued: () => void;
}

/** Tasks queued in one transaction: few enough not to hold up requests. */
const chunk = 500;
/** The longest it sleeps: a clock that was set is noticed after this. */
const longestSleepMs = 60_000;
const storeRetryMs = 1_000;

export function createScheduler({ store, storeFault, events, clock, log, onQueued }: SchedulerParts): Scheduler {
  let started = false;
  let wakesAt = Number.POSITIVE_INFINITY;
  let cancelTimer: (() => void) | null = null;
  let promoting: Promise<void> | null = null;
  /** The timer went off while it was promoting. */
  let again = false;

  function sleepUntil(time: number): void {
    const now = clock.now();
    // A timer that is overdue waits for a time that was meant before the clock was set forward: it wakes at once.
    const until = wakesAt <= now ? Number.NEGATIVE_INFINITY : time;
    if (!started || until >= wakesAt) return;
    cancelTimer?.();
    wakesAt = until;
    const delayMs = Math.min(longestSleepMs, Math.max(1, until - now));
    cancelTimer = clock.after(delayMs, () => {
      wakesAt = Number.POSITIVE_INFINITY;
      again = promoting !== null;
      promoting ??= promote().finally(() => {
        promoting = null;
        if (again) sleepUntil(clock.now());
      });
    });
  }

  async function promote(): Promise<void> {
    try {
      const tasks = await storeFault.watch(store.promote(chunk, clock.now()));
      for (const task of tasks) {
        events.changed(task);
        log.debug({ task_id: task.id, func_name: task.funcName, attempt: task.attempt }, "task queued");
      }
      if (tasks.length > 0) onQueued();
      sleepUntil((await store.nextDue()) ?? clock.now() + longestSleepMs);
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error;
      log.warn({ error: error.message }, "cannot queue the tasks that are due; trying again");
      sleepUntil(clock.now() + storeRetryMs);
    }
  }

  return {
    start() {
      started = true;
      sleepUntil(clock.now());
    },
    expect: sleepUntil,
    async stop() {
      started = false;
      cancelTimer?.();
      await promoting;
    },
  };
}
