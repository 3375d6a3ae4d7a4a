import type { Clock } from "../domain/clock.ts";
import { isStoreUnavailable } from "../domain/error.ts";
import type { Log } from "../domain/log.ts";
import type { Store } from "../storage/store.ts";
import type { EngineSettings } from "./settings.ts";

/** Forgets final tasks when their retention is over. */
export interface Maintenance {
  start(): void;
  stop(): Promise<void>;
}

export interface MaintenanceParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: EngineSettings;
}

const everyMs = 60_000;
/** Tasks forgotten in one transaction: few enough not to hold up requests. */
const chunk = 500;

export function createMaintenance({ store, clock, log, settings }: MaintenanceParts): Maintenance {
  let started = false;
  let cancelTimer: (() => void) | null = null;
  let pruning: Promise<void> = Promise.resolve();

  function next(): void {
    cancelTimer = clock.after(everyMs, () => {
      pruning = prune().finally(() => {
        if (started) next();
      });
    });
  }

  async function prune(): Promise<void> {
    const now = clock.now();
    const cutoffs = {
      completedBefore: now - settings.retentionCompletedMs,
      failedBefore: now - settings.retentionFailedMs,
    };
    let total = 0;
    try {
      for (let pruned = chunk; started && pruned === chunk; total += pruned) pruned = await store.prune(cutoffs, chunk);
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error;
      log.warn({ error: error.message }, "cannot forget old tasks; trying again in a minute");
    }
    if (total > 0) log.info({ tasks: total }, "old tasks forgotten");
  }

  return {
    start() {
      started = true;
      next();
    },
    async stop() {
      started = false;
      cancelTimer?.();
      await pruning;
    },
  };
}
