import { TaskflowError, unknownPeriodicTask } from "../domain/error.ts";
import type { DeclaredEntry, Firing, PeriodicDefinition, PeriodicTask } from "../domain/periodic.ts";
import type { Task } from "../domain/task.ts";
import { createDeclarations, type DeclarationFault, type DeclarationParts } from "./declared.ts";
import { changeEntry, checkInput, entryOf, readCron } from "./entry.ts";
import { submissionOf } from "./firing.ts";
import type { Submission } from "./submit.ts";

/** What may be changed of an entry; what is not there stays. */
export type PeriodicChanges = Partial<Omit<PeriodicDefinition, "name">>;

export interface CronPreview {
  readonly timezone: string;
  readonly upcoming: readonly number[];
}

/** Everything one can do with periodic tasks. Whatever refuses throws a TaskflowError. */
export interface PeriodicTasks {
  /**
   * Creates an entry, or replaces the one of that name: that keeps its history, its count, its last time and, when
   * expression and time zone are the same, its next. Otherwise the next is the first after now; what was due and not
   * decided yet is `missed` with the reason `changed`.
   * @throws TaskflowError `unknown_handler`, `handler_load_error`, `validation_failed` (paths `/args/…` and `/kwargs/…`) as
   * a submission would; `invalid_cron` for the expression and for the time zone; `periodic_task_declared` for the name of
   * one that a handler declares.
   */
  save(definition: PeriodicDefinition): Promise<{ readonly entry: PeriodicTask; readonly replaced: boolean }>;
  /**
   * Changes an entry. A changed expression or zone takes effect at once; an entry that is enabled again begins with the first
   * time after now, and what passed while it was paused is not missed. Of an entry that a handler declares only `enabled`
   * can be changed, which then outlives reloads and restarts.
   * @throws TaskflowError as `save`; the handler and the input are looked at only when one of them is changed.
   * `unknown_periodic_task`; `periodic_task_declared` for anything but `enabled` of a declared one.
   */
  patch(name: string, changes: PeriodicChanges): Promise<PeriodicTask>;
  /** By name. */
  list(): Promise<readonly PeriodicTask[]>;
  /** @throws TaskflowError `unknown_periodic_task` */
  find(name: string): Promise<PeriodicTask>;
  /** The next `count` times at which `entry` fires; none while it is paused. */
  upcoming(entry: PeriodicTask, count: number): readonly number[];
  /**
   * The next `count` times of an expression that is not stored, and its zone as IANA writes it.
   * @throws TaskflowError `invalid_cron`
   */
  preview(expression: string, timezone: string, count: number): CronPreview;
  /**
   * Submits the task of an entry now, paused or not. It has no nominal time: it disturbs neither the next one nor the count,
   * and no overlap comes of it.
   * @throws TaskflowError `unknown_periodic_task`; as a submission.
   */
  trigger(name: string): Promise<Task>;
  /**
   * Forgets an entry and its history. Its tasks stay.
   * @throws TaskflowError `unknown_periodic_task`; `periodic_task_declared` for one that a handler declares.
   */
  remove(name: string): Promise<void>;
  /** The last 100 nominal times that fired, that were skipped and that were missed, newest first. */
  history(name: string): Promise<readonly Firing[]>;
  /**
   * Makes the entries of source `handler` equal to `declared`, all that all handlers declare now: adds, changes, removes.
   * Whether one is paused stays as it was. A declared entry that cannot be taken on (its name is that of an entry of the
   * API's or is declared before, its expression, zone or input is wrong) changes nothing, and is told of in what is returned
   * and in the log. Calls may overlap: the latest wins. Removing an entry of the API's whose name is declared brings the
   * declared one in.
   * @throws TaskflowError `store_unavailable`: it is tried again, by itself, until it is written.
   */
  syncDeclared(declared: readonly DeclaredEntry[]): Promise<readonly DeclarationFault[]>;
  /** The declared entries that could not be taken on, as of now. */
  refused(): readonly DeclarationFault[];
}

export interface PeriodicParts extends DeclarationParts {
  readonly submit: (submission: Submission) => Promise<Task>;
}

/** The verbs, and the end of what goes on behind them. */
export interface Periodic {
  readonly verbs: PeriodicTasks;
  stop(): void;
}

export function createPeriodic(parts: PeriodicParts): Periodic {
  const { store, clock } = parts;
  const declarations = createDeclarations(parts);

  async function find(name: string): Promise<PeriodicTask> {
    const entry = await store.findPeriodic(name);
    if (entry === null) throw unknownPeriodicTask(name);
    return entry;
  }

  const verbs: PeriodicTasks = {
    async save(definition) {
      checkInput(definition, parts.catalog);
      const { entry, before } = await changeEntry(definition.name, parts, (before) => {
        if (before?.source === "handler") throw declaredConflict(before, "replaced");
        return entryOf(definition, "api", before, clock.now());
      });
      return { entry, replaced: before !== null };
    },
    async patch(name, changes) {
      const { entry } = await changeEntry(name, parts, (before) => {
        if (before === null) throw unknownPeriodicTask(name);
        const others = Object.entries(changes).some(([field, value]) => field !== "enabled" && value !== undefined);
        if (before.source === "handler" && others) throw declaredConflict(before, "changed, but for `enabled`,");
        const definition = { ...definitionOf(before), ...changes };
        const { funcName, args, kwargs } = changes;
        if (funcName !== undefined || args !== undefined || kwargs !== undefined) checkInput(definition, parts.catalog);
        return entryOf(definition, before.source, before, clock.now());
      });
      return entry;
    },
    list: () => store.listPeriodic(),
    find,
    upcoming({ nextRun, cronExpression, timezone }, count) {
      if (nextRun === null || count <= 0) return [];
      return [nextRun, ...readCron(cronExpression, timezone).upcoming(nextRun, count - 1)];
    },
    preview(expression, given, count) {
      const { timezone, upcoming } = readCron(expression, given);
      return { timezone, upcoming: upcoming(clock.now(), count) };
    },
    trigger: async (name) => parts.submit(submissionOf(await find(name))),
    async remove(name) {
      const entry = await find(name);
      if (entry.source === "handler") throw declaredConflict(entry, "deleted");
      if (!(await parts.storeFault.watch(store.removePeriodic(name, "api")))) throw unknownPeriodicTask(name);
      await declarations.nameFreed(name);
    },
    async history(name) {
      await find(name);
      return store.firings(name);
    },
    syncDeclared: declarations.sync,
    refused: declarations.faults,
  };
  return { verbs, stop: declarations.stop };
}

function definitionOf(entry: PeriodicTask): PeriodicDefinition {
  return { ...entry, args: JSON.parse(entry.args), kwargs: JSON.parse(entry.kwargs) };
}

function declaredConflict({ name, funcName }: PeriodicTask, what: string): TaskflowError {
  const message = `The periodic task '${name}' is declared by the handler '${funcName}' and can only be ${what} there.`;
  return new TaskflowError("periodic_task_declared", message);
}
