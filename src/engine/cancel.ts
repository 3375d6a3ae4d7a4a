import type { Clock } from "../domain/clock.ts";
import { TaskflowError, unknownTask } from "../domain/error.ts";
import type { Log } from "../domain/log.ts";
import type { Task } from "../domain/task.ts";
import type { Store } from "../storage/store.ts";
import type { EventBus } from "./events.ts";
import type { StoreFault } from "./store-fault.ts";

export interface CancelParts {
  readonly store: Store;
  readonly storeFault: StoreFault;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the attempt that a task is in. */
  readonly endAttempt: (taskId: string) => void;
}

/** Tasks cancelled in one transaction: few enough not to hold up requests. */
const chunk = 500;

/** Cancels what waits at once; what runs is marked and told to end, and is still `running` in what this returns. */
export async function cancel(taskId: string, parts: CancelParts): Promise<Task> {
  const cancellation = await parts.storeFault.watch(parts.store.cancel(taskId, parts.clock.now()));
  if (cancellation === null) throw unknownTask(taskId);
  const { kind, task } = cancellation;
  if (kind === "final") {
    throw new TaskflowError("task_final", `The task is ${task.status} already and cannot be cancelled.`);
  }
  if (kind === "requested") parts.endAttempt(taskId);
  else tell(task, parts);
  return task;
}

/** Cancels everything that waits; says how many. */
export async function clearQueue(parts: CancelParts): Promise<number> {
  let cleared = 0;
  for (;;) {
    const tasks = await parts.storeFault.watch(parts.store.cancelWaiting(chunk, parts.clock.now()));
    for (const task of tasks) tell(task, parts);
    cleared += tasks.length;
    if (tasks.length < chunk) return cleared;
  }
}

function tell(task: Task, { events, log }: CancelParts): void {
  events.changed(task);
  log.info({ task_id: task.id, func_name: task.funcName, attempt: task.attempt }, "task cancelled");
}
