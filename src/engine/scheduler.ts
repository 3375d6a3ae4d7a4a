import type { Clock } from "../domain/clock.ts";
import { isStoreUnavailable } from "../domain/error.ts";
import type { Log } from "../domain/log.ts";
import type { Store } from "../storage/store.ts";
import { type Alarm, createAlarm } from "./alarm.ts";
import type { EventBus } from "./events.ts";
import type { StoreFault } from "./store-fault.ts";

/** Queues tasks when their time has come; it expects the times at which they are due. */
export type Scheduler = Alarm;

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
  async function promote(): Promise<number> {
    try {
      const tasks = await storeFault.watch(store.promote(chunk, clock.now()));
      for (const task of tasks) {
        events.changed(task);
        log.debug({ task_id: task.id, func_name: task.funcName, attempt: task.attempt }, "task queued");
      }
      if (tasks.length > 0) onQueued();
      return (await store.nextDue()) ?? clock.now() + longestSleepMs;
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error;
      log.warn({ error: error.message }, "cannot queue the tasks that are due; trying again");
      return clock.now() + storeRetryMs;
    }
  }

  return createAlarm({ clock, longestSleepMs, ring: promote });
}
