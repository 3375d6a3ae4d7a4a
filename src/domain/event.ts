import type { LogLine, Status, Task } from "./task.ts";

export const eventTypes = [
  "task_queued",
  "task_started",
  "task_progress",
  "task_log",
  "task_retrying",
  "task_completed",
  "task_failed",
  "task_cancelled",
] as const;
export type EventType = (typeof eventTypes)[number];

/** Something that happened to a task, after it was committed. */
export interface TaskEvent {
  readonly type: EventType;
  readonly task: Task;
  readonly at: number;
  /** Rises with every event, across restarts too. */
  readonly seq: number;
  /** The line of a `task_log`. */
  readonly log: LogLine | null;
}

/** The event that says that a task is now in `status`. */
export function eventFor(status: Status): EventType {
  switch (status) {
    case "pending":
    case "queued":
      return "task_queued";
    case "running":
      return "task_started";
    case "retrying":
      return "task_retrying";
    case "completed":
      return "task_completed";
    case "failed":
      return "task_failed";
    case "cancelled":
      return "task_cancelled";
    default:
      return status satisfies never;
  }
}
