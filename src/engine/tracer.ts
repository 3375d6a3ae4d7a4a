import type { Task } from "../domain/task.ts";
import type { Traceparent } from "../domain/traceparent.ts";
import type { Settlement } from "../domain/transition.ts";

/** Tells what happens to tasks to who draws traces of it. */
export interface Tracer {
  /** Tasks are on their way to the store. */
  submitting(tasks: readonly Task[]): TracedSubmission;
  /** An attempt is on its way, and may be taken back before it begins. What its handler is to continue the trace from. */
  started(task: Task): Traceparent | null;
  /** An attempt has ended, and what became of it is durable; null when it had lost its task. */
  ended(task: Task, settlement: Settlement | null): void;
}

export interface TracedSubmission {
  /** The tasks, each with the place in its trace that it is to be kept with. */
  readonly tasks: readonly Task[];
  /** They are durable, or with an error were not accepted. */
  ended(error?: unknown): void;
}

/** Draws nothing. A handler continues what its task was submitted with. */
export const untraced: Tracer = {
  submitting: (tasks) => ({ tasks, ended: () => undefined }),
  started: (task) => task.traceparent,
  ended: () => undefined,
};
