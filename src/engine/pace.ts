import type { HandlerCatalog } from "./runner.ts";

/** Knows which handlers are quick: attempts may wait for one of theirs, as it is over before anybody else were free. */
export interface Pace {
  /** An attempt of a handler took `ms` milliseconds; null when nobody knows, which is no good sign. */
  ran(funcName: string, ms: number | null): void;
  /** The names of the quick handlers. */
  quick(): ReadonlySet<string>;
}

/** An attempt that takes longer is slow. */
const quickMs = 2;
/** Attempts of a handler that are looked at, the latest. It takes so many before it counts as quick. */
const window = 100;
/** Slow ones among them that a quick handler may have: on a busy machine now and then one is kept from its processor. */
const mostSlow = 5;

interface HandlerPace {
  readonly isSlow: boolean[];
  slow: number;
  /** Where the next one goes. */
  next: number;
}

/** @param catalog a handler that has changed is looked at anew. */
export function createPace(catalog: Pick<HandlerCatalog, "generation" | "changedIn">): Pace {
  const paces = new Map<string, HandlerPace>();
  const quick = new Set<string>();
  let generation = catalog.generation;

  function forgetChanged(): void {
    if (catalog.generation === generation) return;
    for (const name of paces.keys()) {
      if (catalog.changedIn(name) <= generation) continue;
      paces.delete(name);
      quick.delete(name);
    }
    generation = catalog.generation;
  }

  function paceOf(name: string): HandlerPace {
    const known = paces.get(name);
    if (known !== undefined) return known;
    const pace: HandlerPace = { isSlow: [], slow: 0, next: 0 };
    paces.set(name, pace);
    return pace;
  }

  return {
    ran(funcName, ms) {
      forgetChanged();
      const pace = paceOf(funcName);
      const isSlow = ms === null || ms > quickMs;
      pace.slow += Number(isSlow) - Number(pace.isSlow[pace.next] ?? false);
      pace.isSlow[pace.next] = isSlow;
      pace.next = (pace.next + 1) % window;
      if (pace.isSlow.length === window && pace.slow <= mostSlow) quick.add(funcName);
      else quick.delete(funcName);
    },
    quick() {
      forgetChanged();
      return quick;
    },
  };
}
