import type { Clock } from "../domain/clock.ts";
import { isFinal, type Task } from "../domain/task.ts";
import type { Store } from "../storage/store.ts";
import { type HandlerCatalog, type Runner, servingHandler } from "./runner.ts";
import type { EngineSettings } from "./settings.ts";

export const waitReasons = ["time", "backoff", "handler", "stopping", "no_workers", "workers_down", "queue"] as const;

/** Why a task waits. */
export interface Waiting {
  readonly reason: (typeof waitReasons)[number];
  /** The same for a person. */
  readonly detail: string;
  /** When that ends at the latest, as far as anyone knows. */
  readonly until: number | null;
  /** Queued tasks that are served before it, up to 1,000; null unless it is queued. */
  readonly ahead: number | null;
}

export interface WaitingParts {
  readonly store: Pick<Store, "ahead">;
  readonly runner: Pick<Runner, "slots" | "fault">;
  readonly catalog: HandlerCatalog;
  readonly clock: Pick<Clock, "now">;
  readonly settings: Pick<EngineSettings, "handlerWaitMs">;
  readonly isStopping: () => boolean;
  /** Since when a handler has been asked for in vain, or null. */
  readonly missingSince: (funcName: string) => number | null;
}

/** Tasks that are counted. */
export const mostAhead = 1_000;

/** Null for a task that does not wait: it runs, or is final. */
export async function waitingOf(task: Task, parts: WaitingParts): Promise<Waiting | null> {
  if (task.status === "running" || isFinal(task.status)) return null;
  // It was claimed in vain, and is looked at again every few seconds.
  const isPostponed = task.status === "pending" && task.attempt > 0;
  const isQueued = task.status === "queued";
  if ((isPostponed || isQueued) && servingHandler(parts.catalog.find(task.funcName)) === null) {
    return forHandler(task.funcName, parts);
  }
  if (isPostponed)
    return { reason: "queue", detail: "Its handler is back; it is due soon", until: task.runAt, ahead: null };
  if (task.status === "pending") return { reason: "time", detail: "It is not due yet", until: task.runAt, ahead: null };
  if (task.status === "retrying") return backoff(task);
  return inQueue(await parts.store.ahead(task.id, mostAhead), parts);
}

function forHandler(funcName: string, { catalog, missingSince, settings }: WaitingParts): Waiting {
  const handler = catalog.find(funcName);
  const why = handler?.status === "load_error" ? `does not load: ${handler.error.message}` : "is not there";
  const since = missingSince(funcName);
  const until = since === null ? null : since + settings.handlerWaitMs;
  const detail = `The handler '${funcName}' ${why}`;
  return { reason: "handler", detail, until, ahead: null };
}

function backoff({ retryCount, maxRetries, error, runAt }: Task): Waiting {
  const [what = ""] = (error ?? "").split("\n", 1);
  const detail = `Retry ${retryCount} of ${maxRetries} comes when its backoff is over. ${what.slice(0, 200)}`.trimEnd();
  return { reason: "backoff", detail, until: runAt, ahead: null };
}

function inQueue(ahead: number, { runner, isStopping }: WaitingParts): Waiting {
  const waits = (reason: Waiting["reason"], detail: string) => ({ reason, detail, until: null, ahead });
  if (isStopping()) return waits("stopping", "The server is stopping: it runs after the next start");
  if (runner.slots === 0) return waits("no_workers", "This server runs no tasks: it has no workers");
  const fault = runner.fault();
  if (fault !== null) return waits("workers_down", `Workers do not start: ${fault}`);
  if (ahead === 0) return waits("queue", "It is next, as soon as a worker is free");
  const many = ahead === mostAhead ? `${mostAhead} tasks or more` : ahead === 1 ? "One task" : `${ahead} tasks`;
  return waits("queue", `${many} before it`);
}
