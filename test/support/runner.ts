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
  readonly worker: string;
  readonly request: AttemptRequest;
  /** What it was told, in order. */
  readonly aborts: AbortReason[] = [];
  kills = 0;
  /** What an abort does. A handler that heeds it throws. */
  onAbort: "throw" | "ignore" = "throw";
  readonly #listener: AttemptListener;
  readonly #onEnd: () => void;
  #ended = false;

  constructor(worker: string, request: AttemptRequest, listener: AttemptListener, onEnd: () => void) {
    this.worker = worker;
    this.request = request;
    this.#listener = listener;
    this.#onEnd = onEnd;
  }

  get ended(): boolean {
    return this.#ended;
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
    if (this.#ended) return;
    this.#ended = true;
    // A worker is free for the next attempt as soon as it has told how this one ended.
    this.#listener.ended(outcome, this.worker);
    this.#onEnd();
  }

  log(message: string, level: LogLevel = "info"): void {
    this.#listener.log(level, message);
  }

  progress(fraction: number, message: string | null = null): void {
    this.#listener.progress({ fraction, message });
  }
}

/** A runner that executes nothing: the test ends each attempt. */
export class FakeRunner implements Runner {
  readonly slots: number;
  /** Every attempt ever started, in order. */
  readonly attempts: FakeAttempt[] = [];
  /** What attempts started from now on do on abort. */
  onAbort: FakeAttempt["onAbort"] = "throw";
  reason: string | null = null;
  late = 0;
  readonly #onFree: (() => void)[] = [];

  constructor(slots = 1) {
    this.slots = slots;
  }

  get running(): readonly FakeAttempt[] {
    return this.attempts.filter(({ ended }) => !ended);
  }

  /** Ids of the tasks in the order of their attempts. */
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
    if (this.free() <= 0) throw new Error("an attempt was started without a free slot");
    const taken = new Set(this.running.map(({ worker }) => worker));
    let number = 1;
    while (taken.has(`w${number}`)) number += 1;
    const attempt = new FakeAttempt(`w${number}`, request, listener, () => {
      for (const freed of this.#onFree) freed();
    });
    attempt.onAbort = this.onAbort;
    this.attempts.push(attempt);
    return attempt;
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
