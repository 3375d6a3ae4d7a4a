import type { Firing, PeriodicDefinition, PeriodicTask } from "../domain/periodic.ts";
import type { Task } from "../domain/task.ts";

/** What may be changed of an entry; what is not there stays. */
export type PeriodicChanges = Partial<Omit<PeriodicDefinition, "name">>;

/** What a handler's file declares: an entry without a say in whether it is paused. */
export type DeclaredEntry = Omit<PeriodicDefinition, "enabled">;

/** A declared entry that could not be taken on, and why, in a sentence for a person. */
export interface DeclarationFault {
  readonly name: string;
  readonly funcName: string;
  readonly message: string;
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
   * @throws TaskflowError `store_unavailable`: call it again.
   */
  syncDeclared(declared: readonly DeclaredEntry[]): Promise<readonly DeclarationFault[]>;
}
