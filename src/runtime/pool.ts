import type { AttemptListener, AttemptRequest, Runner, RunningAttempt, WorkerState } from "../engine/runner.ts";
import { Assignment } from "./assignment.ts";
import { type Death, sentenceOf } from "./death.ts";
import { memoryIntervalMs } from "./memory.ts";
import { PoolWorker, type WorkerSettings } from "./pool-worker.ts";
import type { HandlerFile } from "./protocol.ts";
import { StartFailures } from "./start-failures.ts";
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
  readonly #startFailures: StartFailures;
  #cancelWatch: (() => void) | null = null;
  #cancelLook: (() => void) | null = null;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.slots = settings.numWorkers * settings.concurrency;
    this.#startFailures = new StartFailures(settings.clock, settings.log, () => this.#fill());
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

  /** The copies of the tasks folder that workers load code from, now or when they first need it. */
  trees(): ReadonlySet<number> {
    return new Set([...this.#workers].flatMap(({ settings }) => settings.handlers.map(({ tree }) => tree)));
  }

  free(): number {
    return this.#room().free;
  }

  ahead(): number {
    return this.#room().ahead;
  }

  start(request: AttemptRequest, listener: AttemptListener): RunningAttempt {
    const assignment = new Assignment(request, listener);
    const worker = this.#leastBusy(request);
    if (worker !== null) this.#give(assignment, worker);
    // The worker that was free has died since. The caller is told after it has the attempt in hand.
    else queueMicrotask(() => listener.returned());
    return assignment;
  }

  onFree(listener: () => void): void {
    this.#onFree.push(listener);
  }

  workers(): readonly WorkerState[] {
    return [...this.#workers].map((worker) => worker.state());
  }

  fault(): string | null {
    return this.#startFailures.reason;
  }

  lateResults(): number {
    return this.#lateResults;
  }

  async stop(): Promise<void> {
    this.#workerSettings = null;
    this.#startFailures.stopWaiting();
    this.#cancelWatch?.();
    this.#cancelLook?.();
    const workers = [...this.#workers];
    for (const worker of workers) worker.end({ kind: "ordered", reason: "the server stopped" });
    await Promise.all(workers.map((worker) => worker.ended));
  }

  /** Never more free than there are slots, though workers that make room for new ones still run theirs. */
  #room(): { readonly free: number; readonly ahead: number } {
    let free = 0;
    let ahead = 0;
    let running = 0;
    for (const worker of this.#workers) {
      running += worker.assignments.running;
      if (!this.#serves(worker)) continue;
      free += worker.free;
      ahead += worker.ahead;
    }
    const slots = this.slots - running;
    return slots < free ? { free: Math.max(0, slots), ahead: 0 } : { free, ahead };
  }

  /** @param generation that of the code it is to run on, if it must be a certain one. */
  #leastBusy({ isQuick }: AttemptRequest, generation: number | null = null): PoolWorker | null {
    let best: PoolWorker | null = null;
    for (const worker of this.#workers) {
      if (!this.#serves(worker) || (generation !== null && worker.settings.generation !== generation)) continue;
      const hasRoom = worker.free > 0 || (isQuick && worker.ahead > 0);
      if (hasRoom && (best === null || worker.assignments.size < best.assignments.size)) best = worker;
    }
    return best;
  }

  #give(assignment: Assignment, worker: PoolWorker): void {
    worker.start(assignment);
    if (worker.assignments.waiting > 0) this.#lookSoon();
  }

  /** Nobody waits long for an attempt that is slow against expectation. */
  #lookSoon(): void {
    this.#cancelLook ??= this.#settings.clock.after(lookMs, () => {
      this.#cancelLook = null;
      for (const worker of this.#workers) worker.checkProgress();
      if ([...this.#workers].some((worker) => worker.assignments.waiting > 0)) this.#lookSoon();
    });
  }

  /** What waited for a worker in vain waits elsewhere if it can. Its input was made for the code of that worker. */
  #relocate(assignments: readonly Assignment[], { settings }: PoolWorker): void {
    for (const assignment of assignments) {
      const worker = this.#workerSettings === null ? null : this.#leastBusy(assignment.request, settings.generation);
      if (worker !== null) this.#give(assignment, worker);
      else assignment.listener.returned();
    }
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
    this.#startFailures.stopWaiting();
    this.#startFailures.over();
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
    if (this.fault() !== null && missing > 0) missing = inService.some((worker) => worker.starting) ? 0 : 1;
    for (; missing > 0 && !this.#startFailures.isWaiting; missing -= 1) this.#startWorker(settings);
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
        displaced: (assignments) => this.#relocate(assignments, worker),
        ended: (death) => this.#lost(worker, death),
      });
      this.#workers.add(worker);
      if (settings === this.#succession?.settings) this.#succession.workers.add(worker);
    } catch (error) {
      const reason = `a worker could not be started: ${error instanceof Error ? error.message : String(error)}`;
      if (settings === this.#succession?.settings) this.#settings.log.error({ reason }, "a worker did not start");
      else if (this.#workerSettings !== null) this.#startFailures.note(reason);
    }
  }

  #becameReady(worker: PoolWorker): void {
    this.#settings.log.debug({ worker: worker.id, pid: worker.state().pid }, "worker ready");
    if (!this.#serves(worker)) {
      this.#succeed();
      return;
    }
    this.#startFailures.over();
    this.#fill();
    this.#tellFree();
  }

  #attemptEnded(): void {
    this.#startFailures.forget();
    this.#tellFree();
  }

  #lost(worker: PoolWorker, { cause, stderr }: Death): void {
    this.#workers.delete(worker);
    this.#settings.gone();
    const fields = { worker: worker.id, attempts: worker.assignments.begun };
    if (cause.kind === "ordered") {
      this.#settings.log.debug({ ...fields, reason: cause.reason }, "worker ended");
    } else {
      this.#settings.log.warn({ ...fields, reason: sentenceOf(cause), stderr }, "worker died");
      const isFailure = worker.assignments.begun === 0 && this.#serves(worker) && this.#workerSettings !== null;
      if (isFailure) this.#startFailures.note(sentenceOf(cause));
    }
    this.#succeed();
    this.#fill();
    this.#tellFree();
  }

  #tellFree(): void {
    for (const listener of this.#onFree) listener();
  }
}

/** Attempts wait for one that takes longer than this, and at most than twice this, no more. */
export const lookMs = 20;
