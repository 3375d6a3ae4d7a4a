import type { Clock } from "../domain/clock.ts";
import { type Cron, CronError, parseCron } from "../domain/cron.ts";
import { isStoreUnavailable, TaskflowError } from "../domain/error.ts";
import { planFirings, type TaskSource } from "../domain/firing.ts";
import type { Log } from "../domain/log.ts";
import type { Decision, Fired, FiringPlan, PeriodicTask } from "../domain/periodic.ts";
import type { Task } from "../domain/task.ts";
import type { Store } from "../storage/store.ts";
import { type Alarm, createAlarm } from "./alarm.ts";
import type { EventBus } from "./events.ts";
import { type HandlerCatalog, servingHandler } from "./runner.ts";
import type { StoreFault } from "./store-fault.ts";
import { type NewTaskParts, type Submission, taskOf } from "./submit.ts";

export interface FiringParts extends NewTaskParts {
  readonly store: Store;
  readonly storeFault: StoreFault;
  readonly catalog: HandlerCatalog;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when tasks were queued. */
  readonly onQueued: () => void;
  /** Cancels a task as someone who asks for it. */
  readonly cancel: (taskId: string) => Promise<Task>;
}

/** Entries, and about as many nominal times, decided in one transaction: few enough not to hold up requests. */
const chunk = 250;
/** The longest it sleeps: a clock that was set is noticed before anything is late for it. */
const longestSleepMs = 5_000;
const storeRetryMs = 1_000;
/** More than can run at once. */
const mostRunning = 10_000;

/** Creates the tasks of periodic tasks when their times have come; it expects these times. */
export function createFiring(parts: FiringParts): Alarm {
  const { store, storeFault, events, clock, log, settings } = parts;
  /** A firing that was reported as failed may have been made all the same, with tasks marked that nobody ends. */
  let mayHaveMarked = false;
  /** The log says once that entries wait for room, not with every look. */
  let wasFull = false;

  async function fireDue(): Promise<number> {
    try {
      if (mayHaveMarked) await endMarked();
      const now = clock.now();
      const plans = plansOf(await store.duePeriodic(chunk, now), now);
      if (plans.length === 0) return (await store.nextFiring()) ?? now + longestSleepMs;
      const fired = await storeFault.watch(store.fire(plans, now, settings.maxQueueSize));
      tell(plans, fired);
      return fired.some(({ kind }) => kind === "full") ? now + storeRetryMs : now;
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error;
      mayHaveMarked = true;
      log.warn({ error: error.message }, "cannot fire the periodic tasks that are due; trying again");
      return clock.now() + storeRetryMs;
    }
  }

  function plansOf(entries: readonly PeriodicTask[], now: number): readonly FiringPlan[] {
    const plans: FiringPlan[] = [];
    let decisions = 0;
    for (const entry of entries) {
      if (decisions >= chunk) break;
      if (entry.nextRun === null) continue;
      const plan = planOf(entry, entry.nextRun, now);
      decisions += plan.decisions.length;
      plans.push(plan);
    }
    return plans;
  }

  function planOf(entry: PeriodicTask, nextRun: number, now: number): FiringPlan {
    const cron = readable(entry.cronExpression, entry.timezone);
    if (cron instanceof CronError) return unreadable(entry, nextRun, cron);
    return planFirings(entry, nextRun, cron, now, tasksOf(entry, parts));
  }

  function tell(plans: readonly FiringPlan[], fired: readonly Fired[]): void {
    for (const { name, queued, cancelled, requested, skipped } of fired) {
      for (const task of cancelled) changed(task, name, "task cancelled: a later one of its periodic task replaces it");
      for (const task of queued) changed(task, name, "task queued");
      for (const taskId of requested) void end(taskId);
      for (const { reason, detail, taskId } of skipped) {
        if (reason === "overlap")
          log.info({ periodic_task: name, task_id: taskId }, "not fired: that task is not final");
        else log.warn({ periodic_task: name, error: detail }, "not fired");
      }
    }
    const missed = plans.filter(({ decisions }) => decisions.some(({ kind }) => kind === "miss"));
    if (missed.length > 0)
      log.warn({ periodic_tasks: missed.length }, "periodic tasks have missed times: see their history");
    if (fired.some(({ queued }) => queued.length > 0)) parts.onQueued();
    const full = fired.filter(({ kind }) => kind === "full").length;
    if (full > 0 && !wasFull) log.warn({ periodic_tasks: full }, "the queue is full: periodic tasks wait for room");
    wasFull = full > 0;
  }

  function changed(task: Task, name: string, message: string): void {
    events.changed(task);
    const fields = { task_id: task.id, func_name: task.funcName, attempt: task.attempt, periodic_task: name };
    log.debug(fields, message);
  }

  /** Ends a running task that was replaced. */
  async function end(taskId: string): Promise<void> {
    try {
      await parts.cancel(taskId);
    } catch (error) {
      if (!(error instanceof TaskflowError)) throw error;
      // Otherwise it has ended by itself.
      if (isStoreUnavailable(error)) mayHaveMarked = true;
    }
  }

  async function endMarked(): Promise<void> {
    const { tasks } = await store.list({ statuses: ["running"], limit: mostRunning });
    mayHaveMarked = false;
    for (const task of tasks) if (task.cancelRequested && task.scheduledFor !== null) void end(task.id);
    parts.onQueued();
  }

  return createAlarm({ clock, longestSleepMs, ring: fireDue });
}

/** What the task of an entry is made of, when it is due at once. */
export function submissionOf(entry: PeriodicTask): Submission {
  return {
    at: "",
    funcName: entry.funcName,
    args: JSON.parse(entry.args),
    kwargs: JSON.parse(entry.kwargs),
    priority: entry.priority,
    maxRetries: entry.maxRetries,
    timeoutMs: entry.timeoutMs,
    delayMs: 0,
    runAt: null,
    periodicTask: entry.name,
  };
}

/** Tasks as a submission would give them now. Those of a handler that is not there wait for it, like all others. */
function tasksOf(entry: PeriodicTask, parts: FiringParts): TaskSource {
  const handler = servingHandler(parts.catalog.find(entry.funcName));
  const submission = submissionOf(entry);
  const task = taskOf(submission, handler, parts);
  const bound = handler?.bind(submission.args, submission.kwargs);
  if (bound?.ok === false) {
    return { refusal: bound.faults.map(({ path, message }) => `${path}: ${message}`).join("; ") };
  }
  return { taskAt: (scheduledFor) => ({ ...task, id: parts.newId(), scheduledFor }) };
}

function readable(expression: string, timezone: string): Cron | CronError {
  try {
    return parseCron(expression, timezone);
  } catch (error) {
    if (error instanceof CronError) return error;
    throw error;
  }
}

/** It was readable once: another version, or other time zones, do not take it. It fires no more until it is changed. */
function unreadable({ name, revision }: PeriodicTask, nextRun: number, error: CronError): FiringPlan {
  const decision: Decision = { kind: "skip", nominalAt: nextRun, reason: "invalid_cron", detail: error.message };
  return { name, revision, nextRun, decisions: [decision], followingRun: null };
}
