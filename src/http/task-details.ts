import { Type } from "@sinclair/typebox";
import { statuses } from "../domain/task.ts";
import { waitReasons } from "../engine/waiting.ts";
import { answer, errors, queueFull, withHeader } from "./detail.ts";
import { attemptSchema, logLineSchema, taskSchema } from "./schema.ts";

const tags = ["Tasks"];

const task = {
  task_id: "0198c5a8-7d3e-7c4f-9a51-2f1f0c6b8e21",
  func_name: "add_numbers",
  args: [],
  kwargs: { a: 5, b: 3 },
  status: "completed",
  priority: 2,
  created_at: "2026-01-31T09:00:00.000Z",
  run_at: "2026-01-31T09:00:00.000Z",
  started_at: "2026-01-31T09:00:00.002Z",
  completed_at: "2026-01-31T09:00:00.004Z",
  result: 8,
  error: null,
  error_kind: null,
  retry_count: 0,
  max_retries: 3,
  timeout: 300,
  progress: null,
  periodic_task: null,
  scheduled_for: null,
};
const queued = { ...task, status: "queued", started_at: null, completed_at: null, result: null };
const running = { ...task, status: "running", completed_at: null, result: null };
const cancelled = { ...queued, status: "cancelled", completed_at: task.started_at };

const page = withHeader(
  answer("A page, newest first", Type.Array(taskSchema), [task]),
  "Link",
  'The path of the next page, rel="next"',
);
const location = (description: string) => withHeader(answer(description, taskSchema, queued), "Location", "Its path");

/** Why a task waits, on the wire. */
export const waitingSchema = Type.Object({
  task_id: Type.String(),
  status: Type.Unsafe<string>({ type: "string", enum: statuses }),
  reason: Type.Union([Type.Unsafe<string>({ type: "string", enum: waitReasons }), Type.Null()]),
  detail: Type.Union([Type.String(), Type.Null()], { description: "The same for a person" }),
  until: Type.Union([Type.String({ format: "date-time" }), Type.Null()]),
  ahead: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
    description: "Queued tasks that are served before it, up to 1,000",
  }),
  ahead_is_more: Type.Boolean({ description: "There are 1,000 of those or more" }),
});

const listing =
  "Status and handler are looked up. For anything else rows are looked at one by one, some thousands for a page: it may be " +
  "short or empty, and as long as there is a `Link` there is more. By time, and by the beginning of an id, only tasks of that " +
  "time are looked at.";

/** What the API's documentation says of each route under `/api/v1/tasks`. */
export const taskDetails = {
  submit: {
    tags,
    operationId: "submitTask",
    summary: "Submit a task",
    description:
      "Answers once the task is committed to disk. Each handler has an example of the body. A `traceparent` header makes " +
      "the task part of that trace.",
    responses: { 201: location("The task, accepted"), ...errors(400, 404, 413, 415, 422, 503), ...queueFull },
  },
  batch: {
    tags,
    operationId: "submitTasks",
    summary: "Submit up to 1,000 tasks at once",
    description: "All of them or none: one fault refuses the whole batch, and `errors` names the index.",
    responses: {
      201: answer("The tasks, in the order given", Type.Object({ tasks: Type.Array(taskSchema) }), { tasks: [queued] }),
      ...errors(400, 404, 413, 415, 422, 503),
      ...queueFull,
    },
  },
  list: {
    tags,
    operationId: "listTasks",
    summary: "List tasks, newest first",
    description: listing,
    responses: { 200: page, ...errors(422) },
  },
  listByStatus: {
    tags,
    operationId: "listTasksByStatus",
    summary: "List tasks by status, newest first",
    description: `Here \`pending\` means waiting to run, that is \`queued\`. ${listing}`,
    responses: { 200: page, ...errors(422) },
  },
  show: {
    tags,
    operationId: "getTask",
    summary: "Get a task",
    responses: { 200: answer("The task as it is now", taskSchema, task), ...errors(404, 422) },
  },
  attempts: {
    tags,
    operationId: "listAttempts",
    summary: "List a task's attempts",
    description: "In their order, the running one last.",
    responses: {
      200: answer("Every attempt", Type.Array(attemptSchema), [
        {
          number: 1,
          worker: "w1",
          started_at: task.started_at,
          ended_at: task.completed_at,
          outcome: "completed",
          error: null,
          error_kind: null,
          stack: null,
        },
      ]),
      ...errors(404, 422),
    },
  },
  logs: {
    tags,
    operationId: "listLogs",
    summary: "List what a task logged",
    responses: {
      200: answer("Every line, in order", Type.Array(logLineSchema), [
        { time: task.started_at, attempt: 1, level: "info", message: "adding 5 and 3" },
      ]),
      ...errors(404, 422),
    },
  },
  waiting: {
    tags,
    operationId: "getWaiting",
    summary: "Why a task waits",
    description:
      "`time`: it is not due. `backoff`: it failed, and is tried again then. `handler`: the file is gone or does not load; it " +
      "fails at `until`. `queue`: others come first, or all workers are busy. `no_workers`: this server runs none. " +
      "`workers_down`: they do not start. `stopping`: it runs after the next start. Null: it runs or is final.",
    responses: {
      200: answer("As of now", waitingSchema, {
        ...{ task_id: task.task_id, status: "queued", reason: "queue", detail: "12 tasks before it", until: null },
        ...{ ahead: 12, ahead_is_more: false },
      }),
      ...errors(404, 422),
    },
  },
  cancel: {
    tags,
    operationId: "cancelTask",
    summary: "Cancel a task",
    description: "What waits is cancelled at once. What runs is told to stop, and ended by force after the grace.",
    responses: {
      200: answer("The task, cancelled", taskSchema, cancelled),
      202: answer("It still runs and is being ended", taskSchema, running),
      ...errors(404, 409, 422, 503),
    },
  },
  retry: {
    tags,
    operationId: "retryTask",
    summary: "Submit a failed or cancelled task again",
    description: "A new task with the same input; the old one stays as it is.",
    responses: { 201: location("The new task"), ...errors(404, 409, 422, 503), ...queueFull },
  },
};
