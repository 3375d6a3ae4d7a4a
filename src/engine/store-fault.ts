import type { Clock } from "../domain/clock.ts";
import { isStoreUnavailable } from "../domain/error.ts";
import type { Store } from "../storage/store.ts";

/** Knows whether the store takes writes at the moment. */
export interface StoreFault {
  /** Why a write failed, or null; asked anew every second until the store takes one. */
  current(): string | null;
  /** Takes note of how a write ends; passes its result or its error on. */
  watch<Result>(write: Promise<Result>): Promise<Result>;
}

/** How often a store that refused is asked whether it still does. */
const probeMs = 1_000;

export function createStoreFault(store: Store, clock: Clock): StoreFault {
  let fault: string | null = null;

  function refused(reason: string): void {
    if (fault === null) clock.after(probeMs, probe);
    fault = reason;
  }

  /** A write that found nothing to do says nothing of the medium, so that only this one ends a fault. */
  function probe(): void {
    store.probe().then(
      () => {
        fault = null;
      },
      (error: unknown) => {
        if (!isStoreUnavailable(error)) throw error;
        fault = error.message;
        clock.after(probeMs, probe);
      },
    );
  }

  return {
    current: () => fault,
    async watch(write) {
      try {
        return await write;
      } catch (error) {
        if (isStoreUnavailable(error)) refused(error.message);
        throw error;
      }
    },
  };
}
