import type { Clock } from "../domain/clock.ts";
import { TaskflowError, validationFailed } from "../domain/error.ts";
import type { Log } from "../domain/log.ts";
import { didYouMean } from "../domain/suggest.ts";
import { isFinal, jsonText, type Priority, priorities, type Task } from "../domain/task.ts";
import type { Traceparent } from "../domain/traceparent.ts";
import type { Store } from "../storage/store.ts";
import type { EventBus } from "./events.ts";
import { type HandlerCatalog, type ReadyHandler, servingHandler } from "./runner.ts";
import type { EngineSettings } from "./settings.ts";
import type { StoreFault } from "./store-fault.ts";
import type { Tracer } from "./tracer.ts";

/** What someone asks for. Null means the handler's own setting, else the server's. */
export interface Submission {
  /** Where it lies in what was sent, as a JSON Pointer, `""` for the whole of it: faults say so. */
  readonly at: string;
  readonly funcName: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly priority: Priority | null;
  readonly maxRetries: number | null;
  readonly timeoutMs: number | null;
  readonly delayMs: number;
  /** Milliseconds since the epoch. */
  readonly runAt: number | null;
  /** The periodic task that it is triggered of. */
  readonly periodicTask?: string;
  /** Without one it is the server's own doing. */
  readonly origin?: Origin;
}

/** The request that a submission came by. */
export interface Origin {
  readonly requestId: string;
  /** Where in whose trace it was made. */
  readonly traceparent: Traceparent | null;
}

export interface NewTaskParts {
  readonly clock: Pick<Clock, "now">;
  /** A new UUIDv7. */
  readonly newId: () => string;
  readonly settings: Pick<EngineSettings, "defaultMaxRetries" | "defaultTimeoutMs" | "maxQueueSize">;
}

export interface SubmitParts extends NewTaskParts {
  readonly store: Store;
  readonly storeFault: StoreFault;
  readonly catalog: HandlerCatalog;
  readonly events: EventBus;
  readonly tracer: Tracer;
  readonly log: Log;
  /** Called as soon as tasks are on their way to the store. */
  readonly onSubmitted: (tasks: readonly Task[]) => void;
}

/** Accepts all of `submissions` or none; resolves once they are durable. */
export async function submit(submissions: readonly Submission[], parts: SubmitParts): Promise<readonly Task[]> {
  const { store, storeFault, events, tracer, settings, log } = parts;
  const prepared = submissions.map((submission) => prepare(submission, parts));
  const { tasks, ended } = tracer.submitting(prepared);
  try {
    const inserted = storeFault.watch(store.insert(tasks, settings.maxQueueSize));
    parts.onSubmitted(tasks);
    if (!(await inserted)) throw queueFull(settings.maxQueueSize);
  } catch (error) {
    ended(error);
    throw error;
  }
  ended();
  // All of them came by one request.
  const requestId = submissions[0]?.origin?.requestId;
  const from = requestId === undefined ? {} : { request_id: requestId };
  for (const task of tasks) {
    events.changed(task);
    const fields = { task_id: task.id, func_name: task.funcName, attempt: task.attempt, ...from };
    log.debug(fields, `task ${task.status}`);
  }
  return tasks;
}

/** The same input as `task` once more, which must have failed or been cancelled. */
export function resubmission(task: Task, origin?: Origin): Submission {
  if (task.status !== "failed" && task.status !== "cancelled") {
    const state = isFinal(task.status) ? "completed" : `still ${task.status}`;
    throw new TaskflowError(
      "task_not_retryable",
      `Only a failed or cancelled task can be retried; this one is ${state}.`,
    );
  }
  return {
    at: "",
    funcName: task.funcName,
    args: JSON.parse(task.args),
    kwargs: JSON.parse(task.kwargs),
    priority: task.priority,
    maxRetries: task.maxRetries,
    timeoutMs: task.timeoutMs,
    delayMs: 0,
    runAt: null,
    ...(origin === undefined ? {} : { origin }),
  };
}

function prepare(submission: Submission, parts: SubmitParts): Task {
  try {
    const handler = handlerThatServes(submission.funcName, parts.catalog);
    return newTask(submission, handler, parts);
  } catch (error) {
    throw error instanceof TaskflowError && submission.at !== "" ? locate(error, submission.at) : error;
  }
}

/**
 * The task that `submission` asks `handler` for.
 * @throws TaskflowError `validation_failed` when its input does not fit.
 */
export function newTask(submission: Submission, handler: ReadyHandler, parts: NewTaskParts): Task {
  // Binding fills defaults into nested values, so what was sent is written down first.
  const task = taskOf(submission, handler, parts);
  const bound = handler.bind(submission.args, submission.kwargs);
  if (!bound.ok) throw validationFailed(bound.faults);
  return task;
}

/** The same without a look at the input, also for a handler that is not there yet. */
export function taskOf(submission: Submission, handler: ReadyHandler | null, parts: NewTaskParts): Task {
  const { clock, newId, settings } = parts;
  const now = clock.now();
  const runAt = Math.max(now, submission.runAt ?? now + Math.ceil(submission.delayMs));
  return {
    id: newId(),
    funcName: submission.funcName,
    args: jsonText(submission.args),
    kwargs: jsonText(submission.kwargs),
    status: runAt > now ? "pending" : "queued",
    priority: submission.priority ?? handler?.priority ?? priorities.normal,
    createdAt: now,
    runAt,
    startedAt: null,
    completedAt: null,
    result: null,
    error: null,
    errorKind: null,
    attempt: 0,
    retryCount: 0,
    maxRetries: submission.maxRetries ?? handler?.maxRetries ?? settings.defaultMaxRetries,
    timeoutMs: submission.timeoutMs ?? handler?.timeoutMs ?? settings.defaultTimeoutMs,
    crashes: 0,
    cancelRequested: false,
    progress: null,
    periodicTask: submission.periodicTask ?? null,
    scheduledFor: null,
    lastRunAt: null,
    traceparent: submission.origin?.traceparent ?? null,
  };
}

/** @throws TaskflowError `unknown_handler` or `handler_load_error` */
export function handlerThatServes(name: string, catalog: HandlerCatalog): ReadyHandler {
  const handler = catalog.find(name);
  const serving = servingHandler(handler);
  if (serving !== null) return serving;
  if (handler?.status === "load_error") {
    const { message, file, line } = handler.error;
    const where = line === null ? file : `${file}:${line}`;
    throw new TaskflowError("handler_load_error", `Handler '${name}' does not load: ${where}: ${message}`, {
      retryAfter: 5,
    });
  }
  const names = catalog.list().flatMap((known) => (known.status === "ready" ? [known.name] : []));
  const registered = names.length > 0 ? `Registered: ${names.join(", ")}.` : "No handler is registered.";
  const shown = name.slice(0, 100);
  throw new TaskflowError("unknown_handler", `There is no handler '${shown}'.${didYouMean(name, names)} ${registered}`);
}

/** `error` with the place of the submission that is at fault. */
function locate(error: TaskflowError, at: string): TaskflowError {
  const faults = error.faults.map(({ path, message }) => ({ path: `${at}${path}`, message }));
  if (error.code === "validation_failed") return validationFailed(faults);
  return new TaskflowError(error.code, `${at}: ${error.message}`, {
    faults: [{ path: `${at}/func_name`, message: error.message }],
    ...(error.retryAfter === null ? {} : { retryAfter: error.retryAfter }),
  });
}

function queueFull(maxQueueSize: number): TaskflowError {
  const message = `The queue is full: ${maxQueueSize} tasks wait already. Try again when some have run.`;
  return new TaskflowError("queue_full", message, { retryAfter: 1 });
}
