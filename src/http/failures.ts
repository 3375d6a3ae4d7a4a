import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { errorKinds } from "../domain/task.ts";
import type { Engine } from "../engine/engine.ts";
import { answer, errors } from "./detail.ts";

const defaultHours = 24;
const mostGroups = 100;

const failuresQuery = Type.Object(
  { hours: Type.Optional(Type.Integer({ minimum: 1, maximum: 720, description: `${defaultHours} by default` })) },
  { additionalProperties: false },
);

/** `/api/v1/metrics/failures`: what failed lately, by what went wrong. */
export function failures(engine: Engine) {
  return new Elysia({ normalize: false }).get(
    "/api/v1/metrics/failures",
    async ({ query: { hours = defaultHours } }) => {
      const { groups, lookedAt, more } = await engine.failures(hours);
      return {
        hours,
        looked_at: lookedAt,
        more,
        groups: groups.slice(0, mostGroups).map((group) => ({
          error: group.kind,
          error_kind: group.errorKind,
          func_name: group.funcName,
          count: group.count,
          first_at: new Date(group.firstAt).toISOString(),
          last_at: new Date(group.lastAt).toISOString(),
          last_task_id: group.lastTaskId,
          last_error: group.lastError,
        })),
      };
    },
    {
      transform: ({ query }: { query: Record<string, unknown> }) => {
        if (typeof query.hours === "string" && /^\d{1,9}$/.test(query.hours)) query.hours = Number(query.hours);
      },
      query: failuresQuery,
      detail,
    },
  );
}

const time = (description: string) => Type.String({ format: "date-time", description });

/** The groups on the wire. */
export const failuresSchema = Type.Object({
  hours: Type.Integer(),
  looked_at: Type.Integer({ minimum: 0, description: "Failed tasks that were looked at" }),
  more: Type.Boolean({ description: "There are more within these hours, further back" }),
  groups: Type.Array(
    Type.Object({
      error: Type.String({ description: "Its first line; ids, numbers and quoted text are `…`" }),
      error_kind: Type.Union([Type.Unsafe<string>({ type: "string", enum: errorKinds }), Type.Null()]),
      func_name: Type.String(),
      count: Type.Integer({ minimum: 1 }),
      first_at: time("When the first of them failed"),
      last_at: time("When the last of them failed"),
      last_task_id: Type.String(),
      last_error: Type.String({ description: "The first line of its error as it is" }),
    }),
  ),
});

const detail = {
  tags: ["System"],
  operationId: "listFailures",
  summary: "What failed lately, by what went wrong",
  description:
    "Of the latest 2,000 tasks that failed in these hours, as long as they are kept. The largest group first.",
  responses: {
    200: answer("The groups", failuresSchema, {
      ...{ hours: 24, looked_at: 3, more: false },
      groups: [
        {
          error: "Error: connect ECONNREFUSED …:…",
          error_kind: "handler",
          func_name: "fetch_api_data",
          count: 3,
          first_at: "2026-01-31T08:12:00.000Z",
          last_at: "2026-01-31T08:55:00.000Z",
          last_task_id: "0198c5a8-7d3e-7c4f-9a51-2f1f0c6b8e21",
          last_error: "Error: connect ECONNREFUSED 10.0.0.7:443",
        },
      ],
    }),
    ...errors(422),
  },
};
