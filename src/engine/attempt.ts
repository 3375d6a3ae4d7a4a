import type { Attempt, LogLine, Progress, Task } from "../domain/task.ts";
import { type Outcome, postpone } from "../domain/transition.ts";
import type { AttemptReport } from "../storage/store.ts";
import type { AbortReason, AttemptRequest, ReadyHandler, Runner, RunningAttempt } from "./runner.ts";
import type { EngineSettings } from "./settings.ts";
import { type Ended, giveBack, type SettleParts, settle } from "./settle.ts";
import { isStoreUnavailable } from "./store-fault.ts";

/** The attempts under way. */
export interface Attempts {
  /** Starts the attempt for which `task` was just claimed. */
  begin(task: Task): void;
  /** Ends the running attempt of a task by the ladder, if there is one. */
  cancel(taskId: string): void;
  /** The task as it is now, if it runs here. */
  find(taskId: string): { readonly task: Task; readonly attempt: Attempt } | null;
  /** Resolves when nothing runs any more: whatever still runs after the shutdown grace is interrupted. */
  drain(): Promise<void>;
}

export interface AttemptParts extends SettleParts {
  readonly runner: Runner;
  readonly settings: EngineSettings;
}

/** An attempt from its claim to its settlement. */
interface Running {
  task: Task;
  handle: RunningAttempt | null;
  /** Why it is being ended. */
  ending: AbortReason | null;
  cancelTimer: (() => void) | null;
  /** The latest write of progress and log lines. */
  reported: Promise<unknown>;
}

/** How soon a task whose handler is not loaded is looked at again. */
const handlerPollMs = 5_000;

export function createAttempts(parts: AttemptParts): Attempts {
  const { catalog, events, clock, log, settings } = parts;
  const running = new Map<string, Running>();
  const unsettled = new Set<Promise<void>>();
  /** Since when a handler has been asked for in vain. */
  const missing = new Map<string, number>();
  let onIdle: (() => void) | null = null;

  function begin(task: Task): void {
    const handler = catalog.find(task.funcName);
    if (task.cancelRequested) conclude(settle(neverRan(task, { kind: "cancelled" }), parts));
    else if (handler?.status !== "ready") conclude(awaitHandler(task));
    else launch(task, handler);
  }

  function launch(task: Task, handler: ReadyHandler): void {
    missing.delete(task.funcName);
    events.changed(task);
    log.info({ task_id: task.id, func_name: task.funcName, attempt: task.attempt }, "task started");
    const bound = handler.bind(JSON.parse(task.args), JSON.parse(task.kwargs));
    if (bound.ok) {
      start(task, bound.input);
      return;
    }
    // The schema has changed since the task was accepted; another attempt would meet the same one.
    const error = `InvalidInputError: ${bound.faults.map(({ path, message }) => `${path}: ${message}`).join("; ")}`;
    conclude(settle(neverRan(task, { kind: "failed", errorKind: "permanent", error, stack: null }), parts));
  }

  async function awaitHandler(task: Task): Promise<void> {
    const now = clock.now();
    const since = missing.get(task.funcName) ?? now;
    missing.set(task.funcName, since);
    if (now - since < settings.handlerWaitMs) return giveBack(task, postpone(task, now + handlerPollMs), parts);
    const handler = catalog.find(task.funcName);
    const reason = handler?.status === "load_error" ? handler.error.message : `there is no handler '${task.funcName}'`;
    const error = `LoadError: ${reason}`;
    return settle(neverRan(task, { kind: "failed", errorKind: "load_error", error, stack: null }), parts);
  }

  function start(task: Task, input: unknown): void {
    const run: Running = { task, handle: null, ending: null, cancelTimer: null, reported: Promise.resolve() };
    running.set(task.id, run);
    run.cancelTimer = clock.after(task.timeoutMs, () => end(run, "timeout"));
    run.handle = parts.runner.start(requestFor(task, input), {
      log: (level, message) => keepLine(run, { at: clock.now(), attempt: task.attempt, level, message }),
      progress: (progress) => keepProgress(run, progress),
      ended(outcome, worker) {
        run.cancelTimer?.();
        running.delete(task.id);
        const reported = run.reported;
        conclude(settle({ task: run.task, outcome: verdict(run.ending, outcome), worker, reported }, parts));
      },
    });
  }

  /** The ladder: abort, then after the grace an end by force. The first reason stays. */
  function end(run: Running, reason: AbortReason, graceMs = settings.killGraceMs): void {
    if (run.ending !== null) return;
    run.ending = reason;
    run.cancelTimer?.();
    run.cancelTimer = clock.after(graceMs, () => run.handle?.kill());
    run.handle?.abort(reason);
  }

  function keepLine(run: Running, line: LogLine): void {
    keep(run, { progress: null, lines: [line] }, () => events.logged(run.task, line));
  }

  function keepProgress(run: Running, progress: Progress): void {
    const task = { ...run.task, progress };
    run.task = task;
    keep(run, { progress, lines: [] }, () => events.progressed(task));
  }

  function keep(run: Running, what: Pick<AttemptReport, "progress" | "lines">, tell: () => void): void {
    const written = parts.store.report([{ taskId: run.task.id, attempt: run.task.attempt, ...what }]);
    run.reported = Promise.all([run.reported, written.catch(noteLoss)]).then(tell);
  }

  function noteLoss(error: unknown): void {
    if (!isStoreUnavailable(error)) throw error;
    log.warn({ error: error.message }, "log lines or progress could not be kept");
  }

  function conclude(settled: Promise<void>): void {
    unsettled.add(settled);
    void settled.finally(() => {
      unsettled.delete(settled);
      if (running.size === 0 && unsettled.size === 0) onIdle?.();
    });
  }

  return {
    begin,
    cancel(taskId) {
      const run = running.get(taskId);
      if (run === undefined) return;
      run.task = { ...run.task, cancelRequested: true };
      end(run, "cancelled");
    },
    find(taskId) {
      const run = running.get(taskId);
      return run === undefined ? null : { task: run.task, attempt: runningAttempt(run) };
    },
    async drain() {
      const graceMs = Math.min(settings.killGraceMs, settings.shutdownGraceMs);
      const cancelTimer = clock.after(settings.shutdownGraceMs - graceMs, () => {
        for (const run of running.values()) end(run, "shutdown", graceMs);
      });
      if (running.size > 0 || unsettled.size > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve;
        });
      }
      cancelTimer();
    },
  };
}

function requestFor(task: Task, input: unknown): AttemptRequest {
  return {
    taskId: task.id,
    funcName: task.funcName,
    input,
    lease: task.attempt,
    attempt: task.retryCount + 1,
    maxAttempts: task.maxRetries + 1,
    scheduledFor: task.scheduledFor,
    lastRunAt: task.lastRunAt,
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
  return { task, outcome, worker: null, reported: Promise.resolve() };
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
