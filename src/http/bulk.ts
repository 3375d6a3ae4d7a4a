import { type Static, Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { validationFailed } from "../domain/error.ts";
import type { BulkResult, Estimate, Selection } from "../engine/bulk.ts";
import type { Engine } from "../engine/engine.ts";
import { readJson } from "./body.ts";
import { answer, errors } from "./detail.ts";
import { originOf } from "./requests.ts";
import { filterFields, filterFrom } from "./task-filter.ts";
import { noQuery } from "./validation.ts";

const selectionSchema = Type.Object(
  {
    task_ids: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 1_000 })),
    filter: Type.Optional(
      Type.Object(filterFields, {
        additionalProperties: false,
        description: "As the query of the list; `{}` is all that this can be done with",
      }),
    ),
    cursor: Type.Optional(
      Type.String({ description: "With a filter: from the answer before, to go on where it ended" }),
    ),
    dry_run: Type.Optional(Type.Boolean({ description: "Only say how many it would be" })),
  },
  { additionalProperties: false, examples: [{ filter: { status: "failed", func_name: "send_email" }, dry_run: true }] },
);

const reading = {
  parse: [({ request }: { request: Request }) => readJson(request)],
  body: selectionSchema,
  query: noQuery,
};

/** `/api/v1/tasks/cancel` and `/retry`: the same for many tasks at once. */
export function bulk(engine: Engine) {
  const { cancel, retry, estimate } = engine.bulk;
  return new Elysia({ prefix: "/api/v1/tasks", normalize: false })
    .post(
      "/cancel",
      async ({ body }) => {
        const selection = selectionFrom(body);
        if (body.dry_run) return counted("cancelled", await estimate("cancel", selection));
        return done("cancelled", await cancel(selection));
      },
      { ...reading, detail: details.cancel },
    )
    .post(
      "/retry",
      async ({ body, request, set }) => {
        const selection = selectionFrom(body);
        if (body.dry_run) return counted("retried", await estimate("retry", selection));
        return done("retried", await retry(selection, originOf(request, set)));
      },
      { ...reading, detail: details.retry },
    );
}

type Done = "cancelled" | "retried";

function selectionFrom({ task_ids, filter, cursor }: Static<typeof selectionSchema>): Selection {
  if ((task_ids === undefined) === (filter === undefined)) {
    throw validationFailed([{ path: "", message: "give either task_ids or filter" }]);
  }
  if (filter !== undefined) {
    return { filter: filterFrom(filter, "/filter"), ...(cursor === undefined ? {} : { cursor }) };
  }
  if (cursor !== undefined) throw validationFailed([{ path: "/cursor", message: "goes with a filter only" }]);
  return { taskIds: task_ids ?? [] };
}

function done(name: Done, { matched, done: succeeded, stopping, refused, refusals, next }: BulkResult) {
  return {
    dry_run: false,
    matched,
    more: next !== null,
    [name]: succeeded - stopping,
    ...(name === "cancelled" ? { stopping } : {}),
    refused,
    refusals: refusals.map(({ taskId, error }) => ({ task_id: taskId, code: error.code, detail: error.message })),
    cursor: next,
  };
}

function counted(name: Done, { matched, more }: Estimate) {
  const nothing = { matched: 0, done: 0, stopping: 0, refused: 0, refusals: [], next: null };
  return { ...done(name, nothing), dry_run: true, matched, more };
}

const count = (description: string) => Type.Integer({ minimum: 0, description });
const common = {
  dry_run: Type.Boolean(),
  matched: count("Tasks that were tried; of a dry run those it would be, up to 10,000"),
  more: Type.Boolean({ description: "There are more: send the cursor to go on. Of a dry run: more than were counted" }),
  refused: count("Tasks that did not allow it"),
  refusals: Type.Array(Type.Object({ task_id: Type.String(), code: Type.String(), detail: Type.String() }), {
    description: "The first 20 of them",
  }),
  cursor: Type.Union([Type.String(), Type.Null()]),
};
const example = { dry_run: false, matched: 40, more: false, refused: 0, refusals: [], cursor: null };
const description =
  "Of the tasks named, or of those that match the filter, newest first. After some 10,000 it answers, and goes on from its " +
  "`cursor` when that is sent with the same filter. What is submitted meanwhile is left alone.";

const details = {
  cancel: {
    tags: ["Tasks"],
    operationId: "cancelTasks",
    summary: "Cancel many tasks",
    description: `${description} Final tasks are passed over by a filter.`,
    responses: {
      200: answer(
        "What became of them",
        Type.Object({ ...common, cancelled: count("Tasks that waited"), stopping: count("Running ones, told to end") }),
        { ...example, cancelled: 38, stopping: 2 },
      ),
      ...errors(400, 413, 415, 422, 503),
    },
  },
  retry: {
    tags: ["Tasks"],
    operationId: "retryTasks",
    summary: "Submit many failed or cancelled tasks again",
    description: `${description} Others are passed over by a filter. The old tasks stay as they are.`,
    responses: {
      200: answer("What became of them", Type.Object({ ...common, retried: count("New tasks") }), {
        ...example,
        retried: 40,
      }),
      ...errors(400, 413, 415, 422, 503),
    },
  },
};
