import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import type { DeclaredEntry } from "../domain/periodic.ts";
import type { Engine } from "../engine/engine.ts";
import type { Metrics } from "../engine/metrics.ts";
import { type Handler, type ReadyHandler, servingHandler } from "../engine/runner.ts";
import { requireHandler } from "./known-handler.ts";
import { systemDetails as details } from "./system-details.ts";
import { noQuery } from "./validation.ts";

/** What is not about single tasks: the front door, health, metrics, handlers, the queue as a whole. */
export function system(engine: Engine) {
  return new Elysia({ normalize: false })
    .get(
      "/",
      ({ request, redirect }) => {
        if (request.headers.get("accept")?.includes("text/html")) return redirect("/dashboard");
        return { message: "TaskFlow runs. See docs.", docs: "/docs", websocket: "/ws", api: "/api/v1" };
      },
      { query: noQuery, detail: details.root },
    )
    .get(
      "/health",
      async ({ set }) => {
        const { status, reason } = engine.health();
        if (status !== "healthy") unready(set);
        const metrics = await engine.metrics();
        return { status, reason, queue: queueOf(metrics), workers: workersOf(metrics) };
      },
      { query: noQuery, detail: details.health },
    )
    .get("/health/live", () => ({ status: "alive" }), { query: noQuery, detail: details.live })
    .get(
      "/health/ready",
      ({ set }) => {
        const { status, reason } = engine.health();
        if (status !== "healthy") unready(set);
        return { status: status === "healthy" ? "ready" : status, reason };
      },
      { query: noQuery, detail: details.ready },
    )
    .get(
      "/api/v1/metrics",
      async () => {
        const metrics = await engine.metrics();
        return {
          queue: queueOf(metrics),
          workers: workersOf(metrics),
          handlers: Object.fromEntries(
            Object.entries(metrics.handlers).map(([name, { outcomes, wait, run }]) => [
              name,
              { ...outcomes, wait, run },
            ]),
          ),
          timestamp: new Date(metrics.now).toISOString(),
        };
      },
      { query: noQuery, detail: details.metrics },
    )
    .get("/api/v1/registered-tasks", () => ({ tasks: callable(engine) }), {
      query: noQuery,
      detail: details.registered,
    })
    .get("/api/v1/handlers", () => engine.catalog.list().map((each) => handlerOf(each, engine)), {
      query: noQuery,
      detail: details.handlers,
    })
    .get("/api/v1/handlers/:name", ({ params }) => handlerOf(requireHandler(params.name, engine.catalog), engine), {
      params: Type.Object({ name: Type.String() }),
      query: noQuery,
      detail: details.handler,
    })
    .post(
      "/api/v1/system/clear-queue",
      async () => {
        const cleared = await engine.clearQueue();
        return { message: `Cancelled ${cleared} waiting task${cleared === 1 ? "" : "s"}`, cleared };
      },
      { query: noQuery, detail: details.clearQueue },
    );
}

function unready(set: { status?: number | string; headers: Record<string, string | number> }): void {
  set.status = 503;
  set.headers["retry-after"] = "1";
}

/** Of files that share a name each is listed, and the name is one. */
function callable(engine: Engine): readonly string[] {
  const serving = engine.catalog.list().filter((handler) => servingHandler(handler) !== null);
  return [...new Set(serving.map(({ name }) => name))];
}

function queueOf({ counts, discarded }: Metrics) {
  const { byStatus } = counts;
  return {
    total_enqueued: counts.enqueued,
    total_dequeued: counts.dequeued,
    current_size: byStatus.queued,
    pending_count: byStatus.queued,
    scheduled_count: byStatus.pending,
    retrying_count: byStatus.retrying,
    running_count: byStatus.running,
    completed_count: byStatus.completed,
    failed_count: byStatus.failed,
    cancelled_count: byStatus.cancelled,
    discarded_results: discarded,
  };
}

function workersOf({ workers, slots, kills, now }: Metrics) {
  const up = workers.filter(({ state }) => state !== "starting");
  return {
    num_workers: workers.length,
    running: up.length > 0,
    active_workers: up.length,
    slots,
    kills,
    pool: workers.map(({ id, pid, state, tasks, attempts, rssBytes, memoryGuard, startedAt, generation }) => ({
      id,
      pid,
      state,
      tasks,
      attempts,
      rss_bytes: rssBytes,
      memory_guard: memoryGuard,
      generation,
      age: Math.max(0, now - startedAt) / 1_000,
    })),
  };
}

function handlerOf(handler: Handler, engine: Engine) {
  const { name, file, generation, status } = handler;
  const serving = servingHandler(handler);
  return {
    name,
    file,
    generation,
    status,
    description: serving?.description ?? null,
    input_schema: serving?.inputSchema ?? null,
    options: serving === null ? null : optionsOf(serving),
    schedules: serving === null ? [] : serving.schedules.map((schedule) => scheduleOf(schedule, engine)),
    error: handler.status === "load_error" ? handler.error : null,
    serving_generation: serving?.generation ?? null,
  };
}

function optionsOf({ timeoutMs, maxRetries, priority, backoff }: ReadyHandler) {
  return {
    timeout: timeoutMs === null ? null : timeoutMs / 1_000,
    max_retries: maxRetries,
    priority,
    backoff: { base: backoff.baseMs / 1_000, cap: backoff.capMs / 1_000, jitter: backoff.jitter },
  };
}

/** A declared periodic task; its own address tells when it is due. */
function scheduleOf({ name, funcName, cronExpression, timezone }: DeclaredEntry, engine: Engine) {
  const refusal = engine.periodic.refused().find((fault) => fault.name === name && fault.funcName === funcName);
  return { name, cron_expression: cronExpression, timezone, error: refusal?.message ?? null };
}
