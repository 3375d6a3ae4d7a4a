import { jsonText, type LogLevel } from "../../src/domain/task.ts";
import type { Outcome } from "../../src/domain/transition.ts";
import type {
  AbortReason,
  AttemptListener,
  AttemptRequest,
  Runner,
  RunningAttempt,
  WorkerState,
} from "../../src/engine/runner.ts";

type Failure = Extract<Outcome, { kind: "failed" }>;

/** An attempt that a test plays the handler of. Whatever ends it frees its slot. */
export class FakeAttempt implements RunningAttempt {
  worker: string;
  /** `gone` was recalled or returned: it never began. */
  state: "waiting" | "running" | "ended" | "gone" = "waiting";
  /** What its worker says that it took. */
  ranMs = 0;
  readonly request: AttemptRequest;
  /** What it was told, in order. */
  readonly aborts: AbortReason[] = [];
  kills = 0;
  /** What an abort does. A handler that heeds it throws. */
  onAbort: "throw" | "ignore" = "throw";
  readonly #listener: AttemptListener;
  readonly #onLeave: () => void;
  readonly #onEnd: () => void;

  /**
   * @param onLeave called when it is no more of its worker.
   * @param onEnd called when it has told its end.
   */
  constructor(
    worker: string,
    request: AttemptRequest,
    listener: AttemptListener,
    onLeave: () => void,
    onEnd: () => void,
  ) {
    this.worker = worker;
    this.request = request;
    this.#listener = listener;
    this.#onLeave = onLeave;
    this.#onEnd = onEnd;
  }

  get ended(): boolean {
    return this.state === "ended";
  }

  begin(): void {
    this.state = "running";
    this.#listener.began();
  }

  recall(): boolean {
    if (this.state !== "waiting") return false;
    this.state = "gone";
    this.#onLeave();
    return true;
  }

  /** Its worker cannot come to it, nor can another. */
  giveUp(): void {
    this.state = "gone";
    this.#onLeave();
    this.#listener.returned();
  }

  abort(reason: AbortReason): void {
    this.aborts.push(reason);
    if (this.onAbort === "throw") queueMicrotask(() => this.fail(`AbortError: ${reason}`));
  }

  kill(): void {
    this.kills += 1;
    queueMicrotask(() => this.fail("WorkerCrashError: killed", { errorKind: "crashed" }));
  }

  complete(result: unknown = null): void {
    this.end({ kind: "completed", result: jsonText(result) });
  }

  fail(error = "Error: no", overrides: Partial<Failure> = {}): void {
    this.end({ kind: "failed", errorKind: "handler", error, stack: null, ...overrides });
  }

  end(outcome: Outcome): void {
    if (this.state !== "running") return;
    this.state = "ended";
    this.#onLeave();
    // A worker is free for the next attempt as soon as it has told how this one ended.
    this.#listener.ended(outcome, this.worker, this.ranMs);
    this.#onEnd();
  }

  log(message: string, level: LogLevel = "info"): void {
    this.#listener.log(level, message);
  }

  progress(fraction: number, message: string | null = null): void {
    this.#listener.progress({ fraction, message });
  }
}

/** A runner that executes nothing: the test ends each attempt. It has as many workers as slots. */
export class FakeRunner implements Runner {
  readonly slots: number;
  /** Quick attempts that may wait in each worker. */
  readonly depth: number;
  /** Every attempt ever started, in order. */
  readonly attempts: FakeAttempt[] = [];
  /** What attempts started from now on do on abort. */
  onAbort: FakeAttempt["onAbort"] = "throw";
  reason: string | null = null;
  late = 0;
  readonly #onFree: (() => void)[] = [];
  readonly #byWorker: Map<string, readonly FakeAttempt[]>;

  constructor(slots = 1, depth = 0) {
    this.slots = slots;
    this.depth = depth;
    this.#byWorker = new Map(Array.from({ length: slots }, (_, index) => [`w${index + 1}`, []]));
  }

  get running(): readonly FakeAttempt[] {
    return this.attempts.filter(({ state }) => state === "running");
  }

  get waiting(): readonly FakeAttempt[] {
    return this.attempts.filter(({ state }) => state === "waiting");
  }

  /** Ids of the tasks in the order in which their attempts were started. */
  get order(): readonly string[] {
    return this.attempts.map(({ request }) => request.taskId);
  }

  /** The latest attempt of a task. */
  of(taskId: string): FakeAttempt {
    const attempt = this.attempts.findLast(({ request }) => request.taskId === taskId);
    if (attempt === undefined) throw new Error(`no attempt of ${taskId} was started`);
    return attempt;
  }

  free(): number {
    return this.slots - this.running.length;
  }

  start(request: AttemptRequest, listener: AttemptListener): FakeAttempt {
    const worker = this.#place(request);
    if (worker === null) throw new Error("an attempt was started without room for it");
    const attempt: FakeAttempt = new FakeAttempt(
      worker,
      request,
      listener,
      () => this.#remove(attempt),
      () => this.#freed(attempt.worker),
    );
    attempt.onAbort = this.onAbort;
    this.attempts.push(attempt);
    this.#put(attempt, worker);
    return attempt;
  }

  /** What waits in that worker goes to others, or back when they have no room. */
  displace(worker: string): void {
    for (const attempt of this.#on(worker)) {
      if (attempt.state !== "waiting") continue;
      const other = this.#place(attempt.request, worker);
      if (other === null) {
        attempt.giveUp();
        continue;
      }
      this.#put(attempt, other);
    }
  }

  #put(attempt: FakeAttempt, worker: string): void {
    this.#remove(attempt);
    const there = this.#on(worker);
    attempt.worker = worker;
    this.#byWorker.set(worker, [...there, attempt]);
    if (there.length === 0) this.begin(attempt);
  }

  /** It is its turn in its worker. */
  protected begin(attempt: FakeAttempt): void {
    attempt.begin();
  }

  ahead(): number {
    return this.depth === 0 ? 0 : this.#names().reduce((sum, worker) => sum + this.#room(worker), 0);
  }

  #freed(worker: string): void {
    const [next] = this.#on(worker);
    if (next?.state === "waiting") this.begin(next);
    for (const freed of this.#onFree) freed();
  }

  #names(): readonly string[] {
    return [...this.#byWorker.keys()];
  }

  /** What that worker has, in its order. */
  #on(worker: string): readonly FakeAttempt[] {
    return this.#byWorker.get(worker) ?? [];
  }

  #remove(attempt: FakeAttempt): void {
    const { worker } = attempt;
    this.#byWorker.set(
      worker,
      this.#on(worker).filter((one) => one !== attempt),
    );
  }

  /** Attempts that may wait there. */
  #room(worker: string): number {
    const there = this.#on(worker);
    if (there.some(({ request }) => !request.isQuick)) return 0;
    return this.depth - there.filter(({ state }) => state === "waiting").length;
  }

  #place({ isQuick }: AttemptRequest, except?: string): string | null {
    const names = this.#names().filter((worker) => worker !== except);
    const idle = names.find((worker) => this.#on(worker).length === 0);
    if (idle !== undefined || !isQuick) return idle ?? null;
    const [first] = names.filter((worker) => this.#room(worker) > 0).toSorted((a, b) => this.#room(b) - this.#room(a));
    return first ?? null;
  }

  onFree(listener: () => void): void {
    this.#onFree.push(listener);
  }

  workers(): readonly WorkerState[] {
    return this.running.map(({ worker, request }) => ({
      id: worker,
      pid: 1,
      state: "busy",
      tasks: [request.taskId],
      attempts: 1,
      rssBytes: null,
      memoryGuard: "none",
      startedAt: 0,
      generation: 1,
    }));
  }

  fault(): string | null {
    return this.reason;
  }

  lateResults(): number {
    return this.late;
  }

  async stop(): Promise<void> {
    for (const attempt of this.running) attempt.kill();
  }
}
