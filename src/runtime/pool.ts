import type { AttemptListener, AttemptRequest, Runner, RunningAttempt, WorkerState } from "../engine/runner.ts";
import { type Death, sentenceOf } from "./death.ts";
import { memoryIntervalMs } from "./memory.ts";
import { PoolWorker, type WorkerSettings } from "./pool-worker.ts";
import type { HandlerFile } from "./protocol.ts";
import { every } from "./timing.ts";

/** Those of each worker, but for the environment, which is known when the pool opens. */
export interface PoolSettings extends Omit<WorkerSettings, "env"> {
  readonly numWorkers: number;
  /** Called when a worker is gone. */
  readonly gone: () => void;
}

/** What workers load. */
export interface Code {
  readonly number: number;
  readonly code: readonly HandlerFile[];
}

/** Workers with other code that start beside those that serve. */
interface Succession {
  readonly settings: WorkerSettings;
  readonly workers: Set<PoolWorker>;
  readonly commit: () => void;
  readonly over: (isUp: boolean) => void;
}

/** From its opening on it keeps `numWorkers` workers up and hands them attempts. */
export class Pool implements Runner {
  readonly slots: number;
  readonly #settings: PoolSettings;
  readonly #workers = new Set<PoolWorker>();
  readonly #onFree: (() => void)[] = [];
  #started = 0;
  #lateResults = 0;
  /** Null before the opening and after the stop. */
  #workerSettings: WorkerSettings | null = null;
  #succession: Succession | null = null;
  #fault: string | null = null;
  /** Workers in a row that died before they had run anything. */
  #failures = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #cancelRetry: (() => void) | null = null;
  #cancelWatch: (() => void) | null = null;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.slots = settings.numWorkers * settings.concurrency;
  }

  /** Starts the workers, with `env` as all that they see of the environment. */
  open(env: Readonly<Record<string, string>>): void {
    this.#workerSettings = { ...this.#settings, env };
    this.#cancelWatch = every(this.#settings.clock, memoryIntervalMs, () => {
      for (const worker of this.#workers) worker.checkMemory();
    });
    this.#fill();
  }

  /**
   * Starts as many workers with other code beside those that serve. As soon as all that come up are ready, calls `commit`
   * and gives every attempt to them from then on; those before finish what they run. Resolves to false, and leaves
   * everything as it was, when none came up or the pool is not open. One call at a time.
   */
  replace({ number, code }: Code, commit: () => void): Promise<boolean> {
    const before = this.#workerSettings;
    if (before === null) return Promise.resolve(false);
    const settings = { ...before, handlers: code, generation: number };
    if (this.#settings.numWorkers === 0) {
      this.#workerSettings = settings;
      commit();
      return Promise.resolve(true);
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#succession = { settings, workers: new Set(), commit, over: resolve };
    for (let n = 0; n < this.#settings.numWorkers; n++) this.#startWorker(settings);
    this.#succeed();
    return promise;
  }

  /** The copies of the tasks folder that workers load code from. */
  trees(): ReadonlySet<number> {
    return new Set([...this.#workers].flatMap((worker) => worker.trees));
  }

  /** Never more than there are slots, though workers that make room for new ones still run theirs. */
  free(): number {
    let free = 0;
    let running = 0;
    for (const worker of this.#workers) {
      if (this.#serves(worker)) free += worker.free;
      running += worker.running;
    }
    return Math.max(0, Math.min(free, this.slots - running));
  }

  start(request: AttemptRequest, listener: AttemptListener): RunningAttempt {
    const worker = this.#leastBusy();
    return worker === null ? unstarted(listener) : worker.start(request, listener);
  }

  onFree(listener: () => void): void {
    this.#onFree.push(listener);
  }

  workers(): readonly WorkerState[] {
    return [...this.#workers].map((worker) => worker.state());
  }

  fault(): string | null {
    return this.#fault;
  }

  lateResults(): number {
    return this.#lateResults;
  }

  async stop(): Promise<void> {
    this.#workerSettings = null;
    this.#cancelRetry?.();
    this.#cancelWatch?.();
    const workers = [...this.#workers];
    for (const worker of workers) worker.end({ kind: "ordered", reason: "the server stopped" });
    await Promise.all(workers.map((worker) => worker.ended));
  }

  #leastBusy(): PoolWorker | null {
    let best: PoolWorker | null = null;
    for (const worker of this.#workers) {
      if (this.#serves(worker) && worker.free > (best?.free ?? 0)) best = worker;
    }
    return best;
  }

  #serves(worker: PoolWorker): boolean {
    return this.#succession?.workers.has(worker) !== true;
  }

  /** Once nothing starts any more, what came up takes over. */
  #succeed(): void {
    const succession = this.#succession;
    if (succession === null) return;
    const successors = [...succession.workers].filter((worker) => worker.inService);
    if (successors.some((worker) => worker.starting)) return;
    this.#succession = null;
    if (successors.length === 0) {
      succession.over(false);
      return;
    }
    this.#workerSettings = succession.settings;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#fault = null;
    succession.commit();
    for (const worker of this.#workers) if (!succession.workers.has(worker)) worker.retire();
    this.#fill();
    this.#tellFree();
    succession.over(true);
  }

  /** While workers fail to start, one at a time tries: the others follow once it is ready. */
  #fill(): void {
    const settings = this.#workerSettings;
    if (settings === null) return;
    const inService = [...this.#workers].filter((worker) => worker.inService && this.#serves(worker));
    let missing = this.#settings.numWorkers - inService.length;
    if (this.#fault !== null && missing > 0) missing = inService.some((worker) => worker.starting) ? 0 : 1;
    for (; missing > 0 && this.#cancelRetry === null; missing -= 1) this.#startWorker(settings);
  }

  #startWorker(settings: WorkerSettings): void {
    this.#started += 1;
    try {
      const worker: PoolWorker = new PoolWorker(`w${this.#started}`, settings, {
        ready: () => this.#becameReady(worker),
        freed: () => this.#attemptEnded(),
        late: () => {
          this.#lateResults += 1;
        },
        retired: () => this.#fill(),
        ended: (death) => this.#lost(worker, death),
      });
      this.#workers.add(worker);
      if (settings === this.#succession?.settings) this.#succession.workers.add(worker);
    } catch (error) {
      const reason = `a worker could not be started: ${error instanceof Error ? error.message : String(error)}`;
      if (settings === this.#succession?.settings) this.#settings.log.error({ reason }, "a worker did not start");
      else this.#failedToStart(reason);
    }
  }

  #becameReady(worker: PoolWorker): void {
    this.#settings.log.debug({ worker: worker.id, pid: worker.state().pid }, "worker ready");
    if (!this.#serves(worker)) {
      this.#succeed();
      return;
    }
    this.#fault = null;
    this.#fill();
    this.#tellFree();
  }

  #attemptEnded(): void {
    this.#failures = 0;
    this.#tellFree();
  }

  #lost(worker: PoolWorker, { cause, stderr }: Death): void {
    this.#workers.delete(worker);
    this.#settings.gone();
    const fields = { worker: worker.id, attempts: worker.attempts };
    if (cause.kind === "ordered") {
      this.#settings.log.debug({ ...fields, reason: cause.reason }, "worker ended");
    } else {
      this.#settings.log.warn({ ...fields, reason: sentenceOf(cause), stderr }, "worker died");
      if (worker.attempts === 0 && this.#serves(worker)) this.#failedToStart(sentenceOf(cause));
    }
    this.#succeed();
    this.#fill();
    this.#tellFree();
  }

  #failedToStart(reason: string): void {
    this.#fault = reason;
    if (this.#cancelRetry !== null || this.#workerSettings === null) return;
    const { clock, log } = this.#settings;
    this.#failures = clock.now() - this.#failedAt > forgetFailuresMs ? 1 : this.#failures + 1;
    this.#failedAt = clock.now();
    const delayMs = Math.min(longestRetryMs, firstRetryMs * 2 ** (this.#failures - 1));
    log.error({ reason, failures: this.#failures, retryInMs: delayMs }, "a worker did not start");
    this.#cancelRetry = clock.after(delayMs, () => {
      this.#cancelRetry = null;
      this.#fill();
    });
  }

  #tellFree(): void {
    for (const listener of this.#onFree) listener();
  }
}

const firstRetryMs = 100;
const longestRetryMs = 30_000;
/** Failures further apart than this have nothing to do with each other. */
const forgetFailuresMs = 60_000;

/** The worker that was free has died since: the attempt is given back, after the caller has it in hand. */
function unstarted(listener: AttemptListener): RunningAttempt {
  const worker = "none";
  queueMicrotask(() => {
    listener.ended({ kind: "interrupted", reason: "no worker was free", workerDied: false }, worker);
  });
  return { worker, abort: () => undefined, kill: () => undefined };
}
