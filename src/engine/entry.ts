import type { Clock } from "../domain/clock.ts";
import { type Cron, CronError, parseCron } from "../domain/cron.ts";
import { TaskflowError, validationFailed } from "../domain/error.ts";
import { passedOver } from "../domain/firing.ts";
import type { Decision, PeriodicDefinition, PeriodicSource, PeriodicTask } from "../domain/periodic.ts";
import { jsonText } from "../domain/task.ts";
import type { Store } from "../storage/store.ts";
import type { HandlerCatalog } from "./runner.ts";
import type { StoreFault } from "./store-fault.ts";
import { handlerThatServes } from "./submit.ts";

export interface EntryParts {
  readonly store: Store;
  readonly storeFault: StoreFault;
  readonly catalog: HandlerCatalog;
  readonly clock: Clock;
  /** Called when an entry may be due at a new time. */
  readonly onChanged: () => void;
}

export interface Changed {
  readonly entry: PeriodicTask;
  /** What was there until then. */
  readonly before: PeriodicTask | null;
}

/**
 * Writes what `change` makes of the entry of that name, however often that fires or is changed in the meantime.
 * `change` may be called more than once; what it throws is passed on.
 */
export async function changeEntry(
  name: string,
  { store, storeFault, clock, onChanged }: EntryParts,
  change: (before: PeriodicTask | null) => PeriodicTask,
): Promise<Changed> {
  for (;;) {
    const before = await store.findPeriodic(name);
    const changed = change(before);
    const now = clock.now();
    const passed = passedBy(before, changed, now);
    const entry = { ...changed, decidedUntil: passed.at(-1)?.nominalAt ?? changed.decidedUntil };
    try {
      if (await storeFault.watch(store.savePeriodic(entry, before, passed, now))) return { entry, before };
    } finally {
      // Also when it failed: what was reported as refused may have been written all the same.
      onChanged();
    }
  }
}

/**
 * The entry that `definition` makes in the place of `before`: what it has lived through stays, and so does its next time as
 * long as its times do.
 * @throws TaskflowError `invalid_cron`
 */
export function entryOf(
  definition: PeriodicDefinition,
  source: PeriodicSource,
  before: PeriodicTask | null,
  now: number,
): PeriodicTask {
  const { args, kwargs, enabled, ...said } = definition;
  const cron = readCron(said.cronExpression, said.timezone);
  const decidedUntil = before?.decidedUntil ?? null;
  const kept =
    before?.cronExpression === said.cronExpression && before.timezone === cron.timezone ? before.nextRun : null;
  return {
    name: said.name,
    funcName: said.funcName,
    cronExpression: said.cronExpression,
    timezone: cron.timezone,
    args: jsonText(args),
    kwargs: jsonText(kwargs),
    priority: said.priority,
    maxRetries: said.maxRetries,
    timeoutMs: said.timeoutMs,
    overlap: said.overlap,
    catchUp: said.catchUp,
    enabled,
    source,
    createdAt: before?.createdAt ?? now,
    // After a clock that was set back, what was decided before does not come again.
    nextRun: enabled ? (kept ?? cron.next(Math.max(now, decidedUntil ?? now))) : null,
    lastRun: before?.lastRun ?? null,
    runCount: before?.runCount ?? 0,
    decidedUntil,
    // Above that of an entry of this name that was removed, too.
    revision: Math.max(now, (before?.revision ?? 0) + 1),
  };
}

/** Refuses what could not be submitted now: `unknown_handler`, `handler_load_error`, `validation_failed`. */
export function checkInput(
  { funcName, args, kwargs }: Pick<PeriodicDefinition, "funcName" | "args" | "kwargs">,
  catalog: HandlerCatalog,
): void {
  // Binding fills defaults into nested values.
  const bound = handlerThatServes(funcName, catalog).bind(structuredClone(args), structuredClone(kwargs));
  if (!bound.ok) throw validationFailed(bound.faults);
}

/** @throws TaskflowError `invalid_cron` */
export function readCron(expression: string, timezone: string): Cron {
  try {
    return parseCron(expression, timezone);
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    throw new TaskflowError("invalid_cron", error.message, { cause: error });
  }
}

function passedBy(before: PeriodicTask | null, after: PeriodicTask, now: number): readonly Decision[] {
  if (before === null || before.nextRun === null || before.nextRun > now || before.nextRun === after.nextRun) return [];
  const cron = readCron(before.cronExpression, before.timezone);
  return passedOver(before.nextRun, cron, now, after.enabled ? "changed" : "paused");
}
