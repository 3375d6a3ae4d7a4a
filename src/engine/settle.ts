import type { Clock } from "../domain/clock.ts";
import { isStoreUnavailable } from "../domain/error.ts";
import type { Log } from "../domain/log.ts";
import { defaultBackoff } from "../domain/retry.ts";
import type { Task } from "../domain/task.ts";
import { applySettlement, type Outcome, type Settlement, settle as transition } from "../domain/transition.ts";
import type { Store } from "../storage/store.ts";
import type { EventBus } from "./events.ts";
import type { Meter } from "./metrics.ts";
import { type HandlerCatalog, servingHandler } from "./runner.ts";
import type { StoreFault } from "./store-fault.ts";
import type { Tracer } from "./tracer.ts";

export interface SettleParts {
  readonly store: Store;
  readonly storeFault: StoreFault;
  readonly catalog: HandlerCatalog;
  readonly events: EventBus;
  readonly meter: Meter;
  readonly tracer: Tracer;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** Called with what the task has become, once that is durable. */
  readonly onSettled: (task: Task) => void;
}

/** How long to wait before a write that the store refused is tried again. */
const storeRetryMs = 1_000;

/** An attempt that is over. */
export interface Ended {
  /** As it was while it ran. */
  readonly task: Task;
  readonly outcome: Outcome;
  readonly worker: string | null;
}

/** Computes what becomes of the task and writes it, however long the store refuses. */
export async function settle({ task, outcome, worker }: Ended, parts: SettleParts): Promise<void> {
  const settlement = settlementOf(task, outcome, worker, parts);
  await write(task, settlement, parts, (owned) => {
    parts.tracer.ended(task, owned ? settlement : null);
    if (!owned) {
      parts.meter.discarded();
      parts.log.warn(fields(task, settlement), "late result discarded");
      return;
    }
    const settled = applySettlement(task, settlement);
    parts.meter.settled(task, settlement);
    report(settled, settlement, parts);
    parts.onSettled(settled);
  });
}

/** Gives a claim back that never started. */
export async function giveBack(task: Task, settlement: Settlement, parts: SettleParts): Promise<void> {
  await write(task, settlement, parts, (owned) => {
    if (owned) parts.onSettled(applySettlement(task, settlement));
  });
}

export function settlementOf(
  task: Task,
  outcome: Outcome,
  worker: string | null,
  { catalog, clock, random }: Pick<SettleParts, "catalog" | "clock" | "random">,
): Settlement {
  const backoff = servingHandler(catalog.find(task.funcName))?.backoff ?? defaultBackoff;
  return transition(task, outcome, { now: clock.now(), worker, backoff, random: random() });
}

/** Tells listeners and the log. */
export function report(
  settled: Task,
  settlement: Settlement,
  { events, log }: Pick<SettleParts, "events" | "log">,
): void {
  events.changed(settled);
  const line = fields(settled, settlement);
  if (settled.status === "failed") log.error(line, "task failed");
  else if (settlement.errorKind === null) log.info(line, `task ${settled.status}`);
  else log.warn(line, `task ${settled.status}`);
}

/** Calls `written` before anything learns what the store answered later: a task's events keep the order of its writes. */
async function write(
  task: Task,
  settlement: Settlement,
  { store, storeFault, clock, log }: SettleParts,
  written: (owned: boolean) => void,
): Promise<void> {
  for (let refusals = 0; ; refusals++) {
    try {
      const owned = await storeFault.watch(store.settle(task.id, task.attempt, settlement));
      // What was reported as refused may have been written all the same.
      written(owned || (refusals > 0 && (await isWritten(task, settlement, store))));
      return;
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error;
      log.error(
        { ...fields(task, settlement), error: error.message },
        "cannot write how an attempt ended; trying again",
      );
      await new Promise<void>((resolve) => clock.after(storeRetryMs, resolve));
    }
  }
}

/** Whether the task is as the settlement leaves it, and has not moved on since. */
async function isWritten(task: Task, settlement: Settlement, store: Store): Promise<boolean> {
  const found = await store.find(task.id);
  const { status, attempt, runAt, completedAt } = applySettlement(task, settlement);
  return (
    found?.status === status && found.attempt === attempt && found.runAt === runAt && found.completedAt === completedAt
  );
}

function fields(task: Task, { attempt, status, runAt, error }: Settlement): object {
  const ended = attempt?.endedAt ?? null;
  return {
    task_id: task.id,
    func_name: task.funcName,
    attempt: task.attempt,
    ...(attempt !== null && ended !== null ? { duration: (ended - attempt.startedAt) / 1_000 } : {}),
    ...(status === "retrying" ? { run_at: new Date(runAt).toISOString() } : {}),
    ...(error === null ? {} : { error }),
  };
}
