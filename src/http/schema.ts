import { type TSchema, Type } from "@sinclair/typebox";
import { catchUps, firingOutcomes, firingReasons, overlaps, periodicSources } from "../domain/periodic.ts";
import { attemptOutcomes, errorKinds, logLevels, statuses } from "../domain/task.ts";

const time = (description: string) => Type.String({ format: "date-time", description });
const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
const oneOf = (values: readonly string[], description: string) =>
  Type.Unsafe<string>({ type: "string", enum: values, description });

/** A task on the wire: every field always there. */
export const taskSchema = Type.Object(
  {
    task_id: Type.String({ format: "uuid", description: "A UUIDv7: ids sort by their creation" }),
    func_name: Type.String(),
    args: Type.Array(Type.Unknown()),
    kwargs: Type.Record(Type.String(), Type.Unknown()),
    status: oneOf(statuses, "completed, failed and cancelled are final"),
    priority: Type.Integer({ minimum: 0, maximum: 3, description: "0 runs first" }),
    created_at: time("When it was accepted"),
    run_at: time("When it is due; while it is retrying, the end of the backoff"),
    started_at: orNull(time("Start of the latest attempt")),
    completed_at: orNull(time("When it became final")),
    result: Type.Unknown({ description: "What the handler returned" }),
    error: orNull(Type.String({ description: '"Name: message" of the last attempt' })),
    error_kind: orNull(oneOf(errorKinds, "Why the last attempt did not complete")),
    retry_count: Type.Integer({ minimum: 0, description: "Retries used" }),
    max_retries: Type.Integer({ minimum: 0 }),
    timeout: Type.Number({ description: "Seconds one attempt may take" }),
    progress: orNull(
      Type.Object({ fraction: Type.Number({ minimum: 0, maximum: 1 }), message: orNull(Type.String()) }),
    ),
    periodic_task: orNull(Type.String({ description: "The periodic task that created it" })),
    scheduled_for: orNull(time("The time of that periodic task at which it was due; null for one that was triggered")),
  },
  { additionalProperties: false },
);

const entryFields = {
  name: Type.String(),
  func_name: Type.String(),
  cron_expression: Type.String(),
  cron_words: Type.String({ description: "The same in English" }),
  timezone: Type.String({ description: "The clock that the expression is read by" }),
  args: Type.Array(Type.Unknown()),
  kwargs: Type.Record(Type.String(), Type.Unknown()),
  priority: orNull(Type.Integer({ minimum: 0, maximum: 3, description: "Null: the handler's own" })),
  max_retries: orNull(Type.Integer({ minimum: 0, description: "Null: the handler's own" })),
  timeout: orNull(Type.Number({ description: "Seconds; null: the handler's own" })),
  overlap: oneOf(overlaps, "What becomes of a time that comes while the task of an earlier one is not final yet"),
  catch_up: oneOf(catchUps, "What becomes of times that passed while the server was down"),
  enabled: Type.Boolean(),
  source: oneOf(periodicSources, "`handler`: a file declares it, and it follows that"),
  created_at: time("When it was first created"),
  next_run: orNull(time("Null while it is paused, and when no time is left")),
  last_run: orNull(time("The time that fired last")),
  run_count: Type.Integer({ minimum: 0, description: "Times that fired; what was triggered is not counted" }),
};

/** A periodic task in a list. */
export const periodicEntrySchema = Type.Object(entryFields, { additionalProperties: false });

const upcoming = Type.Array(time("UTC"), { description: "The next 5 times; none while it is paused" });

export const periodicTaskSchema = Type.Object({ ...entryFields, upcoming }, { additionalProperties: false });

export const savedPeriodicSchema = Type.Object(
  { ...entryFields, upcoming, message: Type.String(), replaced: Type.Boolean() },
  { additionalProperties: false },
);

export const firingSchema = Type.Object(
  {
    scheduled_for: time("The time of the periodic task that this is about"),
    outcome: oneOf(firingOutcomes, "skipped and missed times created no task"),
    decided_at: time("When that was decided"),
    reason: orNull(oneOf(firingReasons, "Why it did not fire, or fired late; null for what fired in time")),
    detail: orNull(Type.String({ description: "What was wrong, where the reason does not say all" })),
    task_id: orNull(Type.String({ description: "The task it created, or the unfinished one it was skipped for" })),
    since: orNull(time("On a line that stands for all times from here to `scheduled_for`, too many to list")),
  },
  { additionalProperties: false },
);

export const attemptSchema = Type.Object(
  {
    number: Type.Integer({ minimum: 1 }),
    worker: orNull(Type.String()),
    started_at: time("When it began"),
    ended_at: orNull(time("Null while it runs")),
    outcome: orNull(oneOf(attemptOutcomes, "Null while it runs; an interrupted attempt is given back")),
    error: orNull(Type.String()),
    error_kind: orNull(oneOf(errorKinds, "Why it did not complete")),
    stack: orNull(Type.String({ description: "The handler's own stack, relative to the tasks folder" })),
  },
  { additionalProperties: false },
);

export const logLineSchema = Type.Object(
  {
    time: time("When it was logged"),
    attempt: Type.Integer({ minimum: 1 }),
    level: oneOf(logLevels, "console.log is info"),
    message: Type.String(),
  },
  { additionalProperties: false },
);
