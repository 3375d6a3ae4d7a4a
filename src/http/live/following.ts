import type { TaskEvent } from "../../domain/event.ts";
import { isFinal, type Status, type Task } from "../../domain/task.ts";

/** How far a task has come: enough to tell whether another state of it came before or after. */
type Standing = Pick<Task, "attempt" | "status" | "progress">;

export interface FollowingOptions {
  /** Called when a task is followed, and when it is no longer. */
  readonly begin: (taskId: string) => void;
  readonly end: (taskId: string) => void;
}

/** The tasks that a connection follows; a task that is final is followed no longer. */
export class Following {
  readonly #options: FollowingOptions;
  /** With the state that was shown, for as long as events may come that tell no more than that. */
  readonly #shown = new Map<string, Standing | null>();
  #open = true;

  constructor(options: FollowingOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#shown.size;
  }

  has(taskId: string): boolean {
    return this.#shown.has(taskId);
  }

  add(taskId: string): void {
    if (!this.#open || this.has(taskId)) return;
    this.#shown.set(taskId, null);
    this.#options.begin(taskId);
  }

  delete(taskId: string): void {
    if (this.#shown.delete(taskId)) this.#options.end(taskId);
  }

  /** Follows nothing any more, whatever is still added. */
  close(): void {
    this.#open = false;
    for (const taskId of this.#shown.keys()) this.#options.end(taskId);
    this.#shown.clear();
  }

  /** The client was shown the present state of a task that it follows. */
  show({ id, attempt, status, progress }: Task): void {
    if (isFinal(status)) this.delete(id);
    // Not the task itself: its input may be large.
    else if (this.has(id)) this.#shown.set(id, { attempt, status, progress });
  }

  /** Whether the event, which comes next, says something that the client was not shown already. */
  admits({ type, task }: TaskEvent): boolean {
    const shown = this.#shown.get(task.id) ?? null;
    const isReport = type === "task_progress" || type === "task_log";
    if (shown !== null) {
      if (isLater(shown, task)) return false;
      if (isLater(task, shown)) this.#shown.set(task.id, null);
      else if (!isReport || (type === "task_progress" && isSameProgress(task, shown))) return false;
    }
    if (isFinal(task.status) && !isReport) this.delete(task.id);
    return true;
  }
}

/**
 * Whether `a` came after `b` in the life of one task. A state can be read before its event is published, so when they
 * were met says nothing. No attempt is claimed twice, and the clock has no say.
 */
export function isLater(a: Standing, b: Standing): boolean {
  if (a.attempt !== b.attempt) return a.attempt > b.attempt;
  return rank(a.status) > rank(b.status);
}

/** The order of the statuses from one claim to the next. */
function rank(status: Status): number {
  switch (status) {
    case "running":
      return 0;
    case "pending":
    case "retrying":
      return 1;
    case "queued":
      return 2;
    case "completed":
    case "failed":
    case "cancelled":
      return 3;
    default:
      return status satisfies never;
  }
}

function isSameProgress({ progress: a }: Standing, { progress: b }: Standing): boolean {
  return a?.fraction === b?.fraction && a?.message === b?.message;
}
