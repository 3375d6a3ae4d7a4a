import { anything, flag, type Guarded, listOf, mapOf, number, optional, orNull, record, shape, text } from "./shape.ts";

/** What the API sends, as far as a command reads it. */
export type WireTask = Guarded<typeof isTask>;
export type WireAttempt = Guarded<typeof isAttempt>;
export type WireLogLine = Guarded<typeof isLogLine>;
export type WireEvent = Guarded<typeof isEvent>;
export type WirePeriodic = Guarded<typeof isPeriodic>;
export type WireFiring = Guarded<typeof isFiring>;
export type WireHandler = Guarded<typeof isHandler>;
export type WireHealth = Guarded<typeof isHealth>;
export type WireMetrics = Guarded<typeof isMetrics>;

export const isTask = shape({
  task_id: text,
  func_name: text,
  args: listOf(anything),
  kwargs: record,
  status: text,
  priority: number,
  created_at: text,
  run_at: text,
  started_at: orNull(text),
  completed_at: orNull(text),
  result: anything,
  error: orNull(text),
  error_kind: orNull(text),
  retry_count: number,
  max_retries: number,
  timeout: number,
  progress: orNull(shape({ fraction: number, message: orNull(text) })),
  periodic_task: orNull(text),
});

export const isAttempt = shape({
  number,
  worker: orNull(text),
  started_at: text,
  ended_at: orNull(text),
  outcome: orNull(text),
  error: orNull(text),
});

export const isLogLine = shape({ time: text, attempt: number, level: text, message: text });

export const isEvent = shape({
  type: text,
  task: isTask,
  timestamp: text,
  seq: number,
  log: optional(isLogLine),
  snapshot: optional(flag),
});

const periodicMembers = {
  name: text,
  func_name: text,
  cron_expression: text,
  timezone: text,
  enabled: flag,
  next_run: orNull(text),
  last_run: orNull(text),
  run_count: number,
  overlap: text,
  catch_up: text,
  source: text,
  args: listOf(anything),
  kwargs: record,
};
export const isPeriodic = shape(periodicMembers);
export const isPeriodicInFull = shape({ ...periodicMembers, upcoming: listOf(text) });
export const isSavedPeriodic = shape({ ...periodicMembers, upcoming: listOf(text), message: text });

export const isFiring = shape({
  scheduled_for: text,
  outcome: text,
  decided_at: text,
  task_id: orNull(text),
  reason: orNull(text),
  detail: orNull(text),
});

export const isHandler = shape({
  name: text,
  file: text,
  status: text,
  description: orNull(text),
  input_schema: orNull(record),
  options: orNull(shape({ timeout: orNull(number), max_retries: orNull(number), priority: orNull(number) })),
  error: orNull(shape({ file: text, line: orNull(number), message: text })),
});

const isQueue = shape({
  pending_count: number,
  scheduled_count: number,
  retrying_count: number,
  running_count: number,
  completed_count: number,
  failed_count: number,
  cancelled_count: number,
});
const isWorkers = shape({ num_workers: number, active_workers: number });

export const isHealth = shape({ status: text, reason: orNull(text), queue: isQueue, workers: isWorkers });

const isQuantiles = orNull(shape({ p50: orNull(number), p95: orNull(number), p99: orNull(number) }));
export const isMetrics = shape({
  queue: isQueue,
  workers: isWorkers,
  handlers: mapOf(
    shape({ completed: optional(number), failed: optional(number), wait: isQuantiles, run: isQuantiles }),
  ),
  timestamp: text,
});

export const isMessage = shape({ message: text });
export const isTriggered = shape({ message: text, task_id: text });
