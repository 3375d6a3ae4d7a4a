import type { Clock } from "../domain/clock.ts";
import { isStoreUnavailable } from "../domain/error.ts";
import type { Log } from "../domain/log.ts";
import type { Task } from "../domain/task.ts";
import type { ClaimLimits, Store } from "../storage/store.ts";
import type { Pace } from "./pace.ts";
import type { Runner } from "./runner.ts";
import type { StoreFault } from "./store-fault.ts";

/** Moves queued tasks to free slots, the first in order first. */
export interface Dispatcher {
  start(): void;
  /** There may be something to claim. */
  workQueued(): void;
  /** There may be room for it. */
  slotFreed(): void;
  /** Resolves when the tasks of the claim under way, if there is one, have begun. */
  claimed(): Promise<void>;
  /** Claims nothing more; resolves when no claim is under way. */
  stop(): Promise<void>;
}

export interface DispatcherParts {
  readonly store: Store;
  readonly storeFault: StoreFault;
  readonly runner: Runner;
  readonly pace: Pace;
  readonly clock: Clock;
  readonly log: Log;
  /** Takes a claimed task over; it occupies a slot from then on, or gives the claim back. */
  readonly begin: (task: Task) => void;
  /** Gives a claim back that no attempt came of; leaves a task alone whose attempt is under way. */
  readonly reclaim: (task: Task) => void;
}

/** How often it looks without having been told; also the pause after a failed claim. */
const pollMs = 1_000;
/** More than can run at once. */
const mostRunning = 10_000;
const nothing: ClaimLimits = { free: 0, ahead: 0, quick: new Set() };

export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const { store, storeFault, runner, pace, clock, log, begin, reclaim } = parts;
  let started = false;
  /** False once a claim came back short, until something is queued: a settled task need not look in vain. */
  let mayHaveWork = true;
  /** Something has changed since the claim under way was made. */
  let again = false;
  /** A claim that was reported as failed may have been made all the same. */
  let mayHaveStrays = false;
  let claiming: Promise<void> | null = null;
  let cancelPoll: (() => void) | null = null;

  function wake(): void {
    again = true;
    if (!started || claiming !== null || !mayHaveWork) return;
    if (runner.free() + runner.ahead() <= 0) return;
    mayHaveWork = false;
    again = false;
    claiming = claim().finally(() => {
      claiming = null;
      if (again) wake();
    });
  }

  async function claim(): Promise<void> {
    try {
      if (mayHaveStrays) await reclaimStrays();
      let limits = nothing;
      const room = () => {
        limits = { free: runner.free(), ahead: runner.ahead(), quick: pace.quick() };
        return limits;
      };
      const tasks = await storeFault.watch(store.claim(room, clock.now()));
      // Fewer than any handler would have been given: no more is there. Else the next one may only not be quick.
      if (tasks.length >= limits.free) mayHaveWork = true;
      if (tasks.length === limits.free + limits.ahead) again = true;
      for (const task of tasks) begin(task);
    } catch (error) {
      // The poll tries again; a store that refuses is no reason to spin.
      if (!isStoreUnavailable(error)) throw error;
      mayHaveStrays = true;
      log.warn({ error: error.message }, "cannot claim tasks");
    }
  }

  async function reclaimStrays(): Promise<void> {
    const { tasks } = await store.list({ statuses: ["running"], limit: mostRunning });
    mayHaveStrays = false;
    for (const task of tasks) reclaim(task);
  }

  function poll(): void {
    cancelPoll = clock.after(pollMs, () => {
      mayHaveWork = true;
      wake();
      poll();
    });
  }

  return {
    start() {
      started = true;
      poll();
      wake();
    },
    workQueued() {
      mayHaveWork = true;
      wake();
    },
    slotFreed: wake,
    async claimed() {
      await claiming;
    },
    async stop() {
      started = false;
      cancelPoll?.();
      await claiming;
    },
  };
}
