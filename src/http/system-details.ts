import { Type } from "@sinclair/typebox";
import { killCauses } from "../engine/metrics.ts";
import { memoryGuards } from "../engine/runner.ts";
import { answer, errors, openErrors } from "./detail.ts";

const tags = ["System"];
const count = Type.Integer({ minimum: 0 });

const queue = Type.Object({
  total_enqueued: Type.Integer({ minimum: 0, description: "Tasks ever accepted" }),
  total_dequeued: Type.Integer({ minimum: 0, description: "Attempts ever claimed" }),
  current_size: Type.Integer({ minimum: 0, description: "Tasks that wait to run now" }),
  pending_count: Type.Integer({ minimum: 0, description: "The same: tasks that are queued" }),
  scheduled_count: Type.Integer({ minimum: 0, description: "Tasks that wait for their time" }),
  retrying_count: Type.Integer({ minimum: 0, description: "Tasks in backoff" }),
  running_count: count,
  completed_count: count,
  failed_count: count,
  cancelled_count: count,
  discarded_results: Type.Integer({ minimum: 0, description: "Results that came too late, since the start" }),
});
const queueExample = {
  total_enqueued: 120,
  total_dequeued: 118,
  current_size: 2,
  pending_count: 2,
  scheduled_count: 0,
  retrying_count: 0,
  running_count: 4,
  completed_count: 110,
  failed_count: 3,
  cancelled_count: 1,
  discarded_results: 0,
};

const workers = Type.Object({
  num_workers: count,
  running: Type.Boolean({ description: "Whether any worker is up" }),
  active_workers: Type.Integer({ minimum: 0, description: "Workers that are up" }),
  slots: Type.Integer({ minimum: 0, description: "Attempts that can run at once" }),
  kills: Type.Object(Object.fromEntries(killCauses.map((cause) => [cause, count])), {
    description: "Attempts that ended by force since the start, by cause",
  }),
  pool: Type.Array(
    Type.Object({
      id: Type.String(),
      pid: count,
      state: Type.Unsafe<string>({ type: "string", enum: ["starting", "idle", "busy", "retiring"] }),
      tasks: Type.Array(Type.String({ description: "Ids of the tasks it runs" })),
      attempts: Type.Integer({ minimum: 0, description: "Attempts it has run" }),
      rss_bytes: Type.Union([count, Type.Null()], { description: "What it holds, with what it has started" }),
      memory_guard: Type.Unsafe<string>({
        type: "string",
        enum: memoryGuards,
        description:
          "Who keeps it within its memory: the kernel, by a `cgroup`, or the server, which looks at its `rss`",
      }),
      generation: Type.Integer({ minimum: 0, description: "Of the handlers that it has loaded" }),
      age: Type.Number({ description: "Seconds" }),
    }),
  ),
});
const noKills = Object.fromEntries(killCauses.map((cause) => [cause, 0]));
const workersExample = { num_workers: 4, running: true, active_workers: 4, slots: 4, kills: noKills, pool: [] };

const percentiles = Type.Object(
  Object.fromEntries(["p50", "p95", "p99"].map((name) => [name, Type.Union([Type.Number(), Type.Null()])])),
  { description: "Seconds, over the latest 1,000 attempts" },
);
const percentilesExample = { p50: 0.002, p95: 0.004, p99: 0.009 };

const status = Type.Object({
  status: Type.String(),
  reason: Type.Union([Type.String(), Type.Null()], { description: "Why it is not healthy" }),
});
const health = Type.Object({ ...status.properties, queue, workers });
const healthy = { status: "healthy", reason: null, queue: queueExample, workers: workersExample };

/** A handler on the wire. */
export const handlerSchema = Type.Object({
  name: Type.String(),
  file: Type.String({ description: "Relative to the tasks folder" }),
  generation: Type.Integer({ minimum: 1, description: "Rises when its code changes" }),
  status: Type.Unsafe<string>({
    type: "string",
    enum: ["ready", "load_error"],
    description:
      "`load_error`: the file does not load as it is. The last version that loaded serves on, if there is one",
  }),
  description: Type.Union([Type.String(), Type.Null()]),
  input_schema: Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()]),
  options: Type.Union([
    Type.Object({
      timeout: Type.Union([Type.Number(), Type.Null()], { description: "Null: the server's default" }),
      max_retries: Type.Union([Type.Integer(), Type.Null()]),
      priority: Type.Union([Type.Integer(), Type.Null()]),
      backoff: Type.Object({ base: Type.Number(), cap: Type.Number(), jitter: Type.Number() }),
    }),
    Type.Null(),
  ]),
  schedules: Type.Array(
    Type.Object({
      name: Type.String(),
      cron_expression: Type.String(),
      timezone: Type.String(),
      error: Type.Union([Type.String(), Type.Null()], { description: "Why it was not taken on as a periodic task" }),
    }),
    { description: "The periodic tasks that it declares" },
  ),
  error: Type.Union([
    Type.Object({
      message: Type.String(),
      file: Type.String(),
      line: Type.Union([Type.Integer(), Type.Null()]),
      column: Type.Union([Type.Integer(), Type.Null()]),
    }),
    Type.Null(),
  ]),
  serving_generation: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], {
    description:
      "That of the version which runs tasks, and which description, schema and options are of; null for none",
  }),
});
/** Counts and times on the wire. */
export const metricsSchema = Type.Object({
  queue,
  workers,
  handlers: Type.Record(
    Type.String(),
    Type.Object({ wait: percentiles, run: percentiles }, { additionalProperties: count }),
    { description: "Attempts since the start by outcome, and how long they waited and ran" },
  ),
  timestamp: Type.String({ format: "date-time" }),
});

const handlerExample = {
  name: "add_numbers",
  file: "add_numbers.ts",
  generation: 1,
  status: "ready",
  description: "Add two numbers",
  input_schema: { type: "object", required: ["a", "b"], properties: { a: { type: "number" }, b: { type: "number" } } },
  options: { timeout: null, max_retries: null, priority: null, backoff: { base: 1, cap: 3600, jitter: 0.1 } },
  schedules: [],
  error: null,
  serving_generation: 1,
};

/** What the API's documentation says of the routes that are not about single tasks. */
export const systemDetails = {
  root: {
    tags,
    operationId: "getRoot",
    security: [],
    summary: "Where things are",
    description: "A browser is sent on to the dashboard.",
    responses: {
      200: answer(
        "Paths of this server",
        Type.Object({ message: Type.String(), docs: Type.String(), websocket: Type.String(), api: Type.String() }),
        { message: "TaskFlow runs. See docs.", docs: "/docs", websocket: "/ws", api: "/api/v1" },
      ),
      302: { description: "To the dashboard, for `Accept: text/html`" },
      ...openErrors(422),
    },
  },
  health: {
    tags,
    operationId: "getHealth",
    security: [],
    summary: "Whether it is healthy, with the queue and the workers",
    responses: {
      200: answer("It is", health, healthy),
      503: answer("`draining` or `unhealthy`, with the reason", health, {
        ...healthy,
        status: "draining",
        reason: "the server is stopping",
      }),
      ...openErrors(422),
    },
  },
  live: {
    tags,
    operationId: "getLiveness",
    security: [],
    summary: "Whether the process answers",
    responses: {
      200: answer("It does", Type.Object({ status: Type.String() }), { status: "alive" }),
      ...openErrors(422),
    },
  },
  ready: {
    tags,
    operationId: "getReadiness",
    security: [],
    summary: "Whether it takes on work",
    responses: {
      200: answer("It does", status, { status: "ready", reason: null }),
      503: answer("It does not, with the reason", status, { status: "draining", reason: "the server is stopping" }),
      ...openErrors(422),
    },
  },
  metrics: {
    tags,
    operationId: "getMetrics",
    summary: "Counts and times",
    responses: {
      200: answer("As of now", metricsSchema, {
        queue: queueExample,
        workers: workersExample,
        handlers: { add_numbers: { completed: 110, failed: 3, wait: percentilesExample, run: percentilesExample } },
        timestamp: "2026-01-31T09:00:00.000Z",
      }),
      ...errors(422),
    },
  },
  registered: {
    tags,
    operationId: "listRegisteredTasks",
    summary: "Names of the handlers that can be called",
    responses: {
      200: answer("By name", Type.Object({ tasks: Type.Array(Type.String()) }), {
        tasks: ["add_numbers", "hello_world"],
      }),
      ...errors(422),
    },
  },
  handlers: {
    tags,
    operationId: "listHandlers",
    summary: "Every handler, those that do not load included",
    responses: { 200: answer("By name", Type.Array(handlerSchema), [handlerExample]), ...errors(422) },
  },
  handler: {
    tags,
    operationId: "getHandler",
    summary: "One handler",
    responses: { 200: answer("The handler", handlerSchema, handlerExample), ...errors(404, 422) },
  },
  clearQueue: {
    tags,
    operationId: "clearQueue",
    summary: "Cancel every task that waits",
    description: "Running tasks go on.",
    responses: {
      200: answer("How many were cancelled", Type.Object({ message: Type.String(), cleared: count }), {
        message: "Cancelled 2 waiting tasks",
        cleared: 2,
      }),
      ...errors(422, 503),
    },
  },
};
