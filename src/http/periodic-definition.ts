import { type Static, Type } from "@sinclair/typebox";
import { validationFailed } from "../domain/error.ts";
import { longestSeconds, priorityNumber, prioritySchema } from "../domain/handler.ts";
import {
  type CatchUp,
  catchUps,
  longestPeriodicName,
  type Overlap,
  overlaps,
  type PeriodicDefinition,
  periodicNameFault,
} from "../domain/periodic.ts";
import type { PeriodicChanges } from "../engine/periodic.ts";

const fields = {
  func_name: Type.String({ minLength: 1, description: "The handler's name" }),
  cron_expression: Type.String({ description: "Five fields, six with seconds before them, or a name such as @daily" }),
  timezone: Type.String({ description: "An IANA name such as Europe/Berlin; UTC by default" }),
  args: Type.Array(Type.Unknown(), { description: "Bound to the input's properties in their order" }),
  kwargs: Type.Record(Type.String(), Type.Unknown(), { description: "Bound by name" }),
  priority: Type.Union([...prioritySchema.anyOf, Type.Null()], {
    description: "0 to 3, or critical, high, normal, low; or null for the handler's own",
  }),
  max_retries: Type.Union([Type.Integer({ minimum: 0, maximum: 100 }), Type.Null()], {
    description: "0 to 100 attempts after the first, or null for the handler's own",
  }),
  timeout: Type.Union([Type.Number({ exclusiveMinimum: 0, maximum: longestSeconds }), Type.Null()], {
    description: "seconds above 0 that one attempt may take, or null for the handler's own",
  }),
  overlap: Type.Enum(Object.fromEntries(overlaps.map((name) => [name, name])) as { [name in Overlap]: name }, {
    description: "What becomes of a time that comes while the task of an earlier one is not final yet; skip by default",
  }),
  catch_up: Type.Enum(Object.fromEntries(catchUps.map((name) => [name, name])) as { [name in CatchUp]: name }, {
    description: "What becomes of times that passed while the server was down; latest by default",
  }),
  enabled: Type.Boolean({ description: "False pauses it" }),
};

/** The body of `PATCH /periodic-tasks/{name}`: what is not there stays. */
export const changesSchema = Type.Partial(Type.Object(fields), {
  additionalProperties: false,
  examples: [{ enabled: false }],
});

/** The body of `POST /periodic-tasks`. */
export const definitionSchema = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: longestPeriodicName,
      description: "It names the entry in addresses: no slash, no control character, no space at its ends",
    }),
    func_name: fields.func_name,
    cron_expression: fields.cron_expression,
    ...Type.Partial(Type.Omit(Type.Object(fields), ["func_name", "cron_expression"])).properties,
  },
  { additionalProperties: false },
);

/** @throws TaskflowError `validation_failed` */
export function definitionFrom(body: Static<typeof definitionSchema>): PeriodicDefinition {
  const fault = periodicNameFault(body.name);
  if (fault !== null) throw validationFailed([{ path: "/name", message: `the name ${fault}` }]);
  return {
    timezone: "UTC",
    args: [],
    kwargs: {},
    priority: null,
    maxRetries: null,
    timeoutMs: null,
    overlap: "skip",
    catchUp: "latest",
    enabled: true,
    ...changesFrom(body),
    name: body.name,
    funcName: body.func_name,
    cronExpression: body.cron_expression,
  };
}

/** What a body that `changesSchema` accepts says; a null is one. */
export function changesFrom(body: Static<typeof changesSchema>): PeriodicChanges {
  const { func_name, cron_expression, timezone, args, kwargs, priority, max_retries, timeout, overlap } = body;
  const { catch_up, enabled } = body;
  return {
    ...(func_name === undefined ? {} : { funcName: func_name }),
    ...(cron_expression === undefined ? {} : { cronExpression: cron_expression }),
    ...(timezone === undefined ? {} : { timezone }),
    ...(args === undefined ? {} : { args }),
    ...(kwargs === undefined ? {} : { kwargs }),
    ...(priority === undefined ? {} : { priority: priority === null ? null : priorityNumber(priority) }),
    ...(max_retries === undefined ? {} : { maxRetries: max_retries }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout === null ? null : timeout * 1_000 }),
    ...(overlap === undefined ? {} : { overlap }),
    ...(catch_up === undefined ? {} : { catchUp: catch_up }),
    ...(enabled === undefined ? {} : { enabled }),
  };
}
