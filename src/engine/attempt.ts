import { afterReading } from "../domain/clock.ts";
import { isStoreUnavailable } from "../domain/error.ts";
import type { Attempt, LogLine, Progress, Task } from "../domain/task.ts";
import { type Outcome, postpone, unclaim } from "../domain/transition.ts";
import type { AttemptReport } from "../storage/store.ts";
import { createMissingHandlers } from "./missing.ts";
import type { Pace } from "./pace.ts";
import {
  type AbortReason,
  type AttemptRequest,
  type ReadyHandler,
  type Runner,
  type RunningAttempt,
  servingHandler,
} from "./runner.ts";
import type { EngineSettings } from "./settings.ts";
import { type Ended, giveBack, type SettleParts, settle } from "./settle.ts";

/** The attempts under way. */
export interface Attempts {
  /** Starts the attempt for which `task` was just claimed. */
  begin(task: Task): void;
  /** Gives the claim of `task` back, unless the attempt it was made for is under way: who claimed it never heard of it. */
  reclaim(task: Task): void;
  /** Ends the running attempt of a task by the ladder. Says whether there is one: what has not begun is over at once. */
  cancel(taskId: string): boolean;
  /** Resolves when no attempt of that task is being settled. */
  settled(taskId: string): Promise<void>;
  /** Since when a handler has been asked for in vain, or null. */
  missingSince(funcName: string): number | null;
  /** The task as it is now, if it is here, and its attempt, if that has begun. */
  find(taskId: string): { readonly task: Task; readonly attempt: Attempt | null } | null;
  /**
   * Resolves when nothing runs any more: whatever still runs after the shutdown grace is interrupted. Gives up on what
   * cannot be written soon after; the next start finds it running and gives it back.
   */
  drain(): Promise<void>;
}

export interface AttemptParts extends SettleParts {
  readonly runner: Runner;
  readonly pace: Pace;
  readonly settings: EngineSettings;
}

/** An attempt from its claim to its settlement. */
interface Running {
  /** As claimed; from its beginning on as the events have told it. */
  task: Task;
  hasBegun: boolean;
  /** The latest there is, told or not. */
  progress: Progress | null;
  handle: RunningAttempt | null;
  /** Why it is being ended. */
  ending: AbortReason | null;
  cancelTimer: (() => void) | null;
}

/** How soon a task whose handler is not loaded is looked at again. */
const handlerPollMs = 5_000;
/** What the last settlements get when the server stops. */
const lastWriteMs = 5_000;

export function createAttempts(parts: AttemptParts): Attempts {
  const { catalog, events, meter, pace, clock, log, settings } = parts;
  const running = new Map<string, Running>();
  /** By task, the latest of its attempts that have ended, and are not written yet. */
  const unsettled = new Map<string, { readonly lease: number; readonly settled: Promise<void> }>();
  const missing = createMissingHandlers(catalog);
  let onIdle: (() => void) | null = null;

  function begin(task: Task): void {
    const handler = servingHandler(catalog.find(task.funcName));
    if (task.cancelRequested) conclude(task, settle(neverRan(task, { kind: "cancelled" }), parts));
    else if (handler === null) conclude(task, awaitHandler(task));
    else launch(task, handler);
  }

  function launch(task: Task, handler: ReadyHandler): void {
    missing.found(task.funcName);
    const bound = handler.bind(JSON.parse(task.args), JSON.parse(task.kwargs));
    if (bound.ok) {
      start(task, bound.input);
      return;
    }
    tellStart(task);
    // The schema has changed since the task was accepted; another attempt would meet the same one.
    const error = `InvalidInputError: ${bound.faults.map(({ path, message }) => `${path}: ${message}`).join("; ")}`;
    conclude(task, settle(neverRan(task, { kind: "failed", errorKind: "permanent", error, stack: null }), parts));
  }

  async function awaitHandler(task: Task): Promise<void> {
    const now = clock.now();
    if (now - missing.note(task.funcName, now) < settings.handlerWaitMs)
      return giveBack(task, postpone(task, now + handlerPollMs), parts);
    const handler = catalog.find(task.funcName);
    const reason = handler?.status === "load_error" ? handler.error.message : `there is no handler '${task.funcName}'`;
    const error = `LoadError: ${reason}`;
    return settle(neverRan(task, { kind: "failed", errorKind: "load_error", error, stack: null }), parts);
  }

  function start(task: Task, input: unknown): void {
    const run: Running = { task, hasBegun: false, progress: null, handle: null, ending: null, cancelTimer: null };
    running.set(task.id, run);
    const isQuick = pace.quick().has(task.funcName);
    run.handle = parts.runner.start(requestFor(task, input, isQuick, parts.tracer.started(task)), {
      began: () => beginRun(run),
      log: (level, message) => keepLine(run, { at: clock.now(), attempt: task.attempt, level, message }),
      progress: (progress) => keepProgress(run, progress),
      ended(outcome, worker, ranMs) {
        run.cancelTimer?.();
        running.delete(task.id);
        pace.ran(task.funcName, ranMs);
        const ended = { ...run.task, progress: run.progress };
        conclude(task, settle({ task: ended, outcome: verdict(run.ending, outcome), worker }, parts));
      },
      returned: () => takeBack(run),
    });
    // It is on its way before anybody is told: what it has to say comes in a later turn.
    const { task: begun, hasBegun } = run;
    if (hasBegun) queueMicrotask(() => tellStart(begun));
  }

  /** Its time counts from here, however long it has waited in its worker. */
  function beginRun(run: Running): void {
    run.hasBegun = true;
    run.task = { ...run.task, startedAt: clock.now() };
    // One that is being cancelled has its grace already.
    run.cancelTimer ??= afterReading(clock, run.task.timeoutMs, () => end(run, "timeout"));
    if (run.handle !== null) tellStart(run.task);
  }

  function tellStart(task: Task): void {
    events.changed(task);
    log.debug({ task_id: task.id, func_name: task.funcName, attempt: task.attempt }, "task started");
  }

  /** It never began: its claim is given back, as if it had not been. */
  function takeBack({ task, ending, cancelTimer }: Running): void {
    cancelTimer?.();
    running.delete(task.id);
    if (ending === "cancelled") conclude(task, settle(neverRan(task, { kind: "cancelled" }), parts));
    else conclude(task, giveBack(task, unclaim(task), parts));
  }

  /** Says whether it did. */
  function recall(run: Running): boolean {
    if (run.hasBegun || run.handle?.recall() !== true) return false;
    takeBack(run);
    return true;
  }

  /** The ladder: abort, then after the grace an end by force. The first reason stays. */
  function end(run: Running, reason: AbortReason, graceMs = settings.killGraceMs): void {
    if (run.ending !== null) return;
    run.ending = reason;
    if (recall(run)) return;
    run.cancelTimer?.();
    run.cancelTimer = clock.after(graceMs, () => {
      meter.killed(reason);
      run.handle?.kill();
    });
    run.handle?.abort(reason);
  }

  function keepLine(run: Running, line: LogLine): void {
    keep(run, { progress: null, lines: [line] }, () => events.logged(run.task, line));
  }

  function keepProgress(run: Running, progress: Progress): void {
    run.progress = progress;
    keep(run, { progress, lines: [] }, () => {
      run.task = { ...run.task, progress };
      events.progressed(run.task);
    });
  }

  /** Tells of it once it is kept, or lost: in any case before the attempt's end, which the store answers later. */
  function keep(run: Running, what: Pick<AttemptReport, "progress" | "lines">, tell: () => void): void {
    const written = parts.store.report([{ taskId: run.task.id, attempt: run.task.attempt, ...what }]);
    void written.then(tell, (error) => {
      noteLoss(error);
      tell();
    });
  }

  function noteLoss(error: unknown): void {
    if (!isStoreUnavailable(error)) throw error;
    log.warn({ error: error.message }, "log lines or progress could not be kept");
  }

  function conclude({ id, attempt }: Task, settled: Promise<void>): void {
    const entry = { lease: attempt, settled };
    unsettled.set(id, entry);
    void settled.finally(() => {
      // It may have been claimed again, and that attempt be over, by now.
      if (unsettled.get(id) === entry) unsettled.delete(id);
      if (running.size === 0 && unsettled.size === 0) onIdle?.();
    });
  }

  async function idle(withinMs: number): Promise<void> {
    if (running.size === 0 && unsettled.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    onIdle = resolve;
    const cancelTimer = clock.after(withinMs, resolve);
    await promise;
    cancelTimer();
    const tasks = running.size + unsettled.size;
    if (tasks > 0) log.error({ tasks }, "how attempts ended could not be written; they run again after the next start");
  }

  return {
    begin,
    reclaim(task) {
      const lease = running.get(task.id)?.task.attempt ?? unsettled.get(task.id)?.lease;
      if (lease !== task.attempt) conclude(task, giveBack(task, postpone(task, task.runAt), parts));
    },
    cancel(taskId) {
      const run = running.get(taskId);
      if (run === undefined) return false;
      run.task = { ...run.task, cancelRequested: true };
      end(run, "cancelled");
      return running.has(taskId);
    },
    async settled(taskId) {
      await unsettled.get(taskId)?.settled;
    },
    missingSince: missing.since,
    find(taskId) {
      const run = running.get(taskId);
      if (run === undefined) return null;
      if (run.hasBegun) return { task: run.task, attempt: runningAttempt(run) };
      return { task: { ...run.task, status: "queued", startedAt: null }, attempt: null };
    },
    async drain() {
      for (const run of running.values()) recall(run);
      const graceMs = Math.min(settings.killGraceMs, settings.shutdownGraceMs);
      const cancelTimer = clock.after(settings.shutdownGraceMs - graceMs, () => {
        for (const run of running.values()) end(run, "shutdown", graceMs);
      });
      await idle(settings.shutdownGraceMs + lastWriteMs);
      cancelTimer();
    },
  };
}

function requestFor(task: Task, input: unknown, isQuick: boolean, traceparent: string | null): AttemptRequest {
  return {
    taskId: task.id,
    funcName: task.funcName,
    input,
    lease: task.attempt,
    attempt: task.retryCount + 1,
    maxAttempts: task.maxRetries + 1,
    scheduledFor: task.scheduledFor,
    lastRunAt: task.lastRunAt,
    traceparent,
    isQuick,
  };
}

/** What counts: whoever was told to end cannot complete any more, except when it is only the server that stops. */
function verdict(ending: AbortReason | null, outcome: Outcome): Outcome {
  switch (ending) {
    case null:
      return outcome;
    case "timeout":
      return { kind: "timed_out" };
    case "cancelled":
      return { kind: "cancelled" };
    case "shutdown":
      if (outcome.kind === "completed") return outcome;
      return { kind: "interrupted", reason: "the server stopped", workerDied: false };
    default:
      return ending satisfies never;
  }
}

function neverRan(task: Task, outcome: Outcome): Ended {
  return { task, outcome, worker: null };
}

function runningAttempt({ task, handle }: Running): Attempt {
  return {
    number: task.attempt,
    worker: handle?.worker ?? null,
    startedAt: task.startedAt ?? task.runAt,
    endedAt: null,
    outcome: null,
    errorKind: null,
    error: null,
    stack: null,
  };
}
