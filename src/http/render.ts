import { wordsOf } from "../domain/cron-words.ts";
import type { TaskEvent } from "../domain/event.ts";
import type { Firing, PeriodicTask } from "../domain/periodic.ts";
import type { Attempt, LogLine, Task } from "../domain/task.ts";

/** A task as the wire has it. Put together by hand, so that `args`, `kwargs` and `result` are never parsed. */
export function renderTask(task: Task): string {
  const { progress } = task;
  return (
    `{"task_id":"${task.id}","func_name":${JSON.stringify(task.funcName)},"args":${task.args},"kwargs":${task.kwargs},` +
    `"status":"${task.status}","priority":${task.priority},"created_at":${time(task.createdAt)},` +
    `"run_at":${time(task.runAt)},"started_at":${time(task.startedAt)},"completed_at":${time(task.completedAt)},` +
    `"result":${task.result ?? "null"},"error":${JSON.stringify(task.error)},"error_kind":${JSON.stringify(task.errorKind)},` +
    `"retry_count":${task.retryCount},"max_retries":${task.maxRetries},"timeout":${task.timeoutMs / 1000},` +
    `"progress":${progress === null ? "null" : JSON.stringify(progress)},"periodic_task":${JSON.stringify(task.periodicTask)},` +
    `"scheduled_for":${time(task.scheduledFor)}}`
  );
}

export function renderList<Item>(items: readonly Item[], render: (item: Item) => string): string {
  return `[${items.map(render).join(",")}]`;
}

export function renderAttempt(attempt: Attempt): string {
  return (
    `{"number":${attempt.number},"worker":${JSON.stringify(attempt.worker)},"started_at":${time(attempt.startedAt)},` +
    `"ended_at":${time(attempt.endedAt)},"outcome":${JSON.stringify(attempt.outcome)},` +
    `"error":${JSON.stringify(attempt.error)},"error_kind":${JSON.stringify(attempt.errorKind)},` +
    `"stack":${JSON.stringify(attempt.stack)}}`
  );
}

export function renderLogLine(line: LogLine): string {
  return (
    `{"time":${time(line.at)},"attempt":${line.attempt},"level":"${line.level}",` +
    `"message":${JSON.stringify(line.message)}}`
  );
}

/** A periodic task as the wire has it, in a list. */
export function renderEntry(entry: PeriodicTask): string {
  return `{${fieldsOf(entry)}}`;
}

/** A periodic task by itself, with its next times and what the answer says beside. */
export function renderPeriodic(
  entry: PeriodicTask,
  upcoming: readonly number[],
  more: { readonly message?: string; readonly replaced?: boolean } = {},
): string {
  const rest = Object.entries(more).map(([name, value]) => `,"${name}":${JSON.stringify(value)}`);
  return `{${fieldsOf(entry)},"upcoming":${renderList(upcoming, time)}${rest.join("")}}`;
}

function fieldsOf(entry: PeriodicTask): string {
  return (
    `"name":${JSON.stringify(entry.name)},"func_name":${JSON.stringify(entry.funcName)},` +
    `"cron_expression":${JSON.stringify(entry.cronExpression)},` +
    `"cron_words":${JSON.stringify(wordsOf(entry.cronExpression))},"timezone":${JSON.stringify(entry.timezone)},` +
    `"args":${entry.args},"kwargs":${entry.kwargs},"priority":${entry.priority},"max_retries":${entry.maxRetries},` +
    `"timeout":${entry.timeoutMs === null ? "null" : entry.timeoutMs / 1000},"overlap":"${entry.overlap}",` +
    `"catch_up":"${entry.catchUp}","enabled":${entry.enabled},"source":"${entry.source}",` +
    `"created_at":${time(entry.createdAt)},"next_run":${time(entry.nextRun)},"last_run":${time(entry.lastRun)},` +
    `"run_count":${entry.runCount}`
  );
}

export function renderFiring(firing: Firing): string {
  return (
    `{"scheduled_for":${time(firing.nominalAt)},"outcome":"${firing.outcome}","decided_at":${time(firing.decidedAt)},` +
    `"reason":${JSON.stringify(firing.reason)},"detail":${JSON.stringify(firing.detail)},` +
    `"task_id":${JSON.stringify(firing.taskId)},"since":${time(firing.since)}}`
  );
}

/** An event as the WebSocket sends it; a `task_log` carries its line as `log`. */
export function renderEvent(event: TaskEvent): string {
  const log = event.log === null ? "" : `,"log":${renderLogLine(event.log)}`;
  return `{"type":"${event.type}","task":${renderTask(event.task)},"timestamp":${time(event.at)},"seq":${event.seq}${log}}`;
}

/** The time that was written last: the tasks of a batch share theirs, and one that is due at once has it twice. */
let lastMs = Number.NaN;
let lastTime = "";

function time(ms: number | null): string {
  if (ms === null) return "null";
  if (ms !== lastMs) {
    lastTime = `"${new Date(ms).toISOString()}"`;
    lastMs = ms;
  }
  return lastTime;
}
