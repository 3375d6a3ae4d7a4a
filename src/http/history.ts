import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import type { Engine } from "../engine/engine.ts";
import { type HistoryPoint, longestMinutes } from "../engine/history.ts";
import type { SeriesPoint } from "../engine/series.ts";
import { answer, errors } from "./detail.ts";
import { requireHandler } from "./known-handler.ts";

const defaultMinutes = 60;

const historyQuery = Type.Object(
  {
    minutes: Type.Optional(
      Type.Integer({ minimum: 1, maximum: longestMinutes, description: `${defaultMinutes} by default` }),
    ),
    func_name: Type.Optional(Type.String({ description: "Of this handler alone" })),
  },
  { additionalProperties: false },
);

/** `/api/v1/metrics/history`: what happened lately, for charts. */
export function history(engine: Engine) {
  return new Elysia({ normalize: false }).get(
    "/api/v1/metrics/history",
    ({ query: { minutes = defaultMinutes, func_name } }) => {
      if (func_name !== undefined) requireHandler(func_name, engine.catalog);
      const { from, stepMs, points, total } = engine.history(minutes, func_name);
      return {
        from: new Date(from).toISOString(),
        step: stepMs / 1_000,
        func_name: func_name ?? null,
        ...columnsOf(points),
        total: totalOf(total),
      };
    },
    {
      transform: ({ query }: { query: Record<string, unknown> }) => {
        if (typeof query.minutes === "string" && /^\d{1,9}$/.test(query.minutes)) query.minutes = Number(query.minutes);
      },
      query: historyQuery,
      detail,
    },
  );
}

/** A list for each figure, as charts take them. */
function columnsOf(points: readonly HistoryPoint[]) {
  const column = <Value>(pick: (point: HistoryPoint) => Value) => points.map(pick);
  const percentiles = (name: "wait" | "run") => ({
    p50: column((point) => point[name].p50),
    p95: column((point) => point[name].p95),
    p99: column((point) => point[name].p99),
  });
  return {
    completed: column(({ completed }) => completed),
    failed: column(({ failed }) => failed),
    cancelled: column(({ cancelled }) => cancelled),
    retried: column(({ retried }) => retried),
    waiting: column(({ waiting }) => waiting),
    running: column(({ running }) => running),
    wait: percentiles("wait"),
    run: percentiles("run"),
  };
}

function totalOf({ completed, failed, cancelled, retried, wait, run }: SeriesPoint) {
  return { completed, failed, cancelled, retried, wait, run };
}

const count = Type.Integer({ minimum: 0 });
const numberOrNull = Type.Union([Type.Number({ minimum: 0 }), Type.Null()]);
const list = (description: string, item = count) => Type.Array(item, { description });
const gauge = (description: string) => Type.Array(Type.Union([count, Type.Null()]), { description });
const seconds = Type.Array(numberOrNull);
const percentiles = (description: string) => Type.Object({ p50: seconds, p95: seconds, p99: seconds }, { description });
const overall = (description: string) =>
  Type.Object({ p50: numberOrNull, p95: numberOrNull, p99: numberOrNull }, { description });

/** The steps on the wire. */
export const historySchema = Type.Object({
  from: Type.String({ format: "date-time", description: "When the first step begins" }),
  step: Type.Integer({ description: "Seconds" }),
  func_name: Type.Union([Type.String(), Type.Null()]),
  completed: list("Tasks"),
  failed: list("Tasks"),
  cancelled: list("Tasks"),
  retried: list("Attempts that failed and are followed by another"),
  waiting: gauge("Tasks that waited for a worker at the step's end; null where unknown, and for one handler"),
  running: gauge("The same of those that ran"),
  wait: percentiles("Seconds from due to started, true to within a fifth; null where nothing ended"),
  run: percentiles("Seconds from started to ended"),
  total: Type.Object({
    completed: count,
    failed: count,
    cancelled: count,
    retried: count,
    wait: overall("Seconds"),
    run: overall("Seconds"),
  }),
});

const detail = {
  tags: ["System"],
  operationId: "getHistory",
  summary: "What happened lately, step by step",
  description:
    "Each list has one item a step, the oldest first; the last step is not over yet. Steps are of a minute, and of ten " +
    "seconds for all handlers together up to 15 minutes. It is kept in memory: a restart begins anew. Of more than 200 " +
    "handlers the rest are counted together, in no handler's own history.",
  responses: {
    200: answer("The steps, and all of them together", historySchema, {
      ...{ from: "2026-01-31T09:00:00.000Z", step: 60, func_name: null },
      ...{ completed: [12, 9], failed: [0, 1], cancelled: [0, 0], retried: [2, 0], waiting: [3, 0], running: [4, 1] },
      wait: { p50: [0.002, 0.002], p95: [0.01, 0.009], p99: [0.02, 0.01] },
      run: { p50: [0.3, 0.25], p95: [0.9, 0.8], p99: [1.1, 0.8] },
      total: {
        ...{ completed: 21, failed: 1, cancelled: 0, retried: 2 },
        wait: { p50: 0.002, p95: 0.01, p99: 0.02 },
        run: { p50: 0.3, p95: 0.9, p99: 1.1 },
      },
    }),
    ...errors(404, 422),
  },
};
