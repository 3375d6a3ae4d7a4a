import { type TSchema, Type } from "@sinclair/typebox";
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
