import type { Database } from "bun:sqlite";
import type { Clock } from "../../src/domain/clock.ts";
import type { Log } from "../../src/domain/log.ts";
import { createEngine, type Engine } from "../../src/engine/engine.ts";
import type { AttemptRequest } from "../../src/engine/runner.ts";
import type { EngineSettings } from "../../src/engine/settings.ts";
import { createSqliteStore } from "../../src/storage/sqlite.ts";
import type { Store } from "../../src/storage/store.ts";
import type { FakeClock } from "../support/clock.ts";
import { alwaysQuick, type FakeCatalog, testSettings } from "../support/engine.ts";
import { type Fate, type FaultyStore, faultyStore } from "../support/faulty-store.ts";
import { type FakeAttempt, FakeRunner } from "../support/runner.ts";

export const retentionMs = 1_800_000;

export const settings: EngineSettings = {
  ...testSettings,
  defaultTimeoutMs: 1_000,
  maxQueueSize: 12,
  killGraceMs: 200,
  shutdownGraceMs: 1_000,
  retentionCompletedMs: retentionMs,
  retentionFailedMs: retentionMs,
  handlerWaitMs: 8_000,
};

export interface LifeParts {
  readonly db: Database;
  readonly clock: FakeClock;
  readonly catalog: FakeCatalog;
  readonly random: () => number;
  readonly newId: () => string;
  readonly onAbort: FakeAttempt["onAbort"];
  readonly fate: (verb: PropertyKey) => Fate;
  /** Called in the turn in which a write was made, or failed. */
  readonly onWrite: () => void;
  readonly onBegin: (request: AttemptRequest) => void;
  /** Attempts of the quick handler that may wait in each worker. */
  readonly depth: number;
}

/** One life of the server: an engine on a database that outlives it. */
export interface Life {
  readonly engine: Engine;
  readonly runner: FakeRunner;
  readonly faults: FaultyStore;
  /** The store past the faults. */
  readonly store: Store;
  readonly isOver: boolean;
  /** As by a SIGKILL: no timer of its own fires any more, and nothing it asks of the store is done or answered. */
  end(): void;
}

/** The engine is not started yet. */
export function createLife(parts: LifeParts): Life {
  const { db, catalog, random, newId } = parts;
  const clock = mortalClock(parts.clock);
  const store = watched(
    createSqliteStore(db, () => undefined),
    parts.onWrite,
  );
  const faults = faultyStore(store);
  faults.decide(parts.fate);
  const runner = new WatchedRunner(parts.depth, parts.onBegin);
  runner.onAbort = parts.onAbort;
  const pace = alwaysQuick("echo");
  const engine = createEngine({
    store: faults.store,
    runner,
    catalog,
    clock,
    random,
    newId,
    settings,
    pace,
    log: silent,
  });
  let isOver = false;
  return {
    engine,
    runner,
    faults,
    store,
    get isOver() {
      return isOver;
    },
    end() {
      isOver = true;
      faults.decide(() => "hangs");
      clock.end();
    },
  };
}

const ignore = () => undefined;
const silent: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

class WatchedRunner extends FakeRunner {
  readonly #onBegin: (request: AttemptRequest) => void;

  constructor(depth: number, onBegin: (request: AttemptRequest) => void) {
    super(2, depth);
    this.#onBegin = onBegin;
  }

  protected override begin(attempt: FakeAttempt): void {
    this.#onBegin(attempt.request);
    super.begin(attempt);
  }
}

/** The timers of one life, which end with it. */
function mortalClock(clock: FakeClock): Clock & { end(): void } {
  const timers = new Set<() => void>();
  let isOver = false;
  return {
    now: () => clock.now(),
    after(delayMs, run) {
      if (isOver) return ignore;
      const cancel = clock.after(delayMs, () => {
        timers.delete(cancel);
        run();
      });
      timers.add(cancel);
      return () => {
        timers.delete(cancel);
        cancel();
      };
    },
    end() {
      isOver = true;
      for (const cancel of timers) cancel();
    },
  };
}

/** `store`, telling of each answer before whoever asked hears it. */
function watched(store: Store, onAnswer: () => void): Store {
  return new Proxy(store, {
    get(target, verb, receiver) {
      const method: unknown = Reflect.get(target, verb, receiver);
      if (typeof method !== "function") return method;
      return (...given: readonly unknown[]) => Promise.resolve(Reflect.apply(method, target, given)).finally(onAnswer);
    },
  });
}
