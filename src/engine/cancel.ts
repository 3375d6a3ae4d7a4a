import type { Clock } from "../domain/clock.ts";
import { TaskflowError, unknownTask } from "../domain/error.ts";
import type { Log } from "../domain/log.ts";
import type { Task } from "../domain/task.ts";
import type { Cancellation, Store } from "../storage/store.ts";
import type { EventBus } from "./events.ts";
import type { Meter } from "./metrics.ts";
import type { StoreFault } from "./store-fault.ts";

export interface CancelParts {
  readonly store: Store;
  readonly storeFault: StoreFault;
  readonly events: EventBus;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the attempt that a task is in. Says whether it runs here now. */
  readonly endAttempt: (taskId: string) => boolean;
  /** Resolves when the task is not on its way from its claim to its attempt, nor from there to its settlement. */
  readonly arrived: (taskId: string) => Promise<void>;
}

/** Tasks cancelled in one transaction: few enough not to hold up requests. */
const chunk = 500;

/** Cancels what waits at once; what runs is marked and told to end, and is still `running` in what this returns. */
export async function cancel(taskId: string, parts: CancelParts): Promise<Task> {
  const first = await request(taskId, parts);
  if (first.kind === "final") throw taskFinal(first.task);
  if (first.kind === "cancelled" || parts.endAttempt(taskId)) return first.task;
  // The mark may have come too late for whoever has the task in hand, so it is looked at again when that is through.
  await parts.arrived(taskId);
  if (parts.endAttempt(taskId)) return first.task;
  const second = await request(taskId, parts);
  if (second.kind === "final" && second.task.status !== "cancelled") throw taskFinal(second.task);
  return second.task;
}

/** Cancels everything that waits; says how many. The log gets one line for them all. */
export async function clearQueue(parts: CancelParts): Promise<number> {
  const { store, storeFault, clock, log } = parts;
  let cleared = 0;
  try {
    for (;;) {
      const tasks = await storeFault.watch(store.cancelWaiting(chunk, clock.now()));
      for (const task of tasks) tell(task, parts);
      cleared += tasks.length;
      if (tasks.length < chunk) return cleared;
    }
  } finally {
    if (cleared > 0) log.info({ tasks: cleared }, "waiting tasks cancelled");
  }
}

async function request(taskId: string, parts: CancelParts): Promise<Cancellation> {
  const { store, storeFault, clock, log } = parts;
  const cancellation = await storeFault.watch(store.cancel(taskId, clock.now()));
  if (cancellation === null) throw unknownTask(taskId);
  if (cancellation.kind === "cancelled") {
    const { task } = cancellation;
    tell(task, parts);
    log.info({ task_id: task.id, func_name: task.funcName, attempt: task.attempt }, "task cancelled");
  }
  return cancellation;
}

function taskFinal({ status }: Task): TaskflowError {
  return new TaskflowError("task_final", `The task is ${status} already and cannot be cancelled.`);
}

function tell(task: Task, { events, meter }: CancelParts): void {
  meter.cancelled(task);
  events.changed(task);
}
