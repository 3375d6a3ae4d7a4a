import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import type { Engine } from "../../engine/engine.ts";
import { errors } from "../detail.ts";
import type { LiveHub } from "../live/hub.ts";
import type { Traffic } from "../traffic.ts";
import { noQuery } from "../validation.ts";
import type { Exposition } from "./exposition.ts";

export interface PrometheusOptions {
  readonly traffic: Traffic;
  readonly live: Pick<LiveHub, "connections" | "messages">;
  /** Of TaskFlow. */
  readonly version: string;
}

/** `/metrics`, as Prometheus scrapes it. */
export function prometheus(engine: Engine, options: PrometheusOptions) {
  // Loaded and made by the first scrape: where nobody asks it costs neither time at the start nor memory.
  let made: Promise<Exposition> | null = null;
  return new Elysia({ normalize: false }).get(
    "/metrics",
    async ({ set }) => {
      made ??= import("./exposition.ts").then(({ createExposition }) => createExposition());
      const exposition = await made;
      const measures = await engine.measures();
      set.headers["content-type"] = exposition.contentType;
      return exposition.text({ ...options, measures, health: engine.health(), handlers: engine.catalog.list() });
    },
    { query: noQuery, detail },
  );
}

const example = `# HELP taskflow_tasks Tasks in the store, by status; queued ones wait for a worker.
# TYPE taskflow_tasks gauge
taskflow_tasks{status="queued"} 2
taskflow_tasks{status="running"} 4

# HELP taskflow_tasks_finished_total Tasks that became final, by handler and status.
# TYPE taskflow_tasks_finished_total counter
taskflow_tasks_finished_total{handler="add_numbers",status="completed"} 110
`;

const detail = {
  tags: ["System"],
  operationId: "getPrometheusMetrics",
  summary: "Metrics for Prometheus",
  description: "In its text format. Wants a key as everything else does, one that may read.",
  responses: {
    200: { description: "As of now", content: { "text/plain": { schema: Type.String(), example } } },
    ...errors(422, 503),
  },
};
