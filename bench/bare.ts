import { Elysia } from "elysia";
import { validationFailed } from "../src/domain/error.ts";
import { compileInput } from "../src/domain/input.ts";
import { jsonText, priorities, type Task } from "../src/domain/task.ts";
import { json } from "../src/http/answer.ts";
import { readJson } from "../src/http/body.ts";
import { renderTask } from "../src/http/render.ts";
import { submissionFrom, submissionSchema } from "../src/http/submission.ts";
import { noQuery } from "../src/http/validation.ts";
import addNumbers from "./tasks/add_numbers.ts";

/**
 * What TaskFlow's submission is held against: the same route on Elysia alone, which reads, validates, binds and replies by
 * the same code, and stores nothing.
 */
const bind = compileInput(JSON.parse(JSON.stringify(addNumbers.input)));

const app = new Elysia({ normalize: false }).post(
  "/api/v1/tasks",
  async ({ body, set }) => {
    const submission = submissionFrom(body);
    const args = jsonText(submission.args);
    const kwargs = jsonText(submission.kwargs);
    const bound = bind(submission.args, submission.kwargs);
    if (!bound.ok) throw validationFailed(bound.faults);
    const now = Date.now();
    const task: Task = {
      id: Bun.randomUUIDv7(),
      funcName: submission.funcName,
      args,
      kwargs,
      status: "queued",
      priority: submission.priority ?? priorities.normal,
      createdAt: now,
      runAt: now,
      startedAt: null,
      completedAt: null,
      result: null,
      error: null,
      errorKind: null,
      attempt: 0,
      retryCount: 0,
      maxRetries: submission.maxRetries ?? 3,
      timeoutMs: submission.timeoutMs ?? 300_000,
      crashes: 0,
      cancelRequested: false,
      progress: null,
      periodicTask: null,
      scheduledFor: null,
      lastRunAt: null,
    };
    set.status = 201;
    set.headers.location = `/api/v1/tasks/${task.id}`;
    return json(set, renderTask(task));
  },
  { parse: [({ request }) => readJson(request)], body: submissionSchema, query: noQuery },
);

app.listen({ hostname: "127.0.0.1", port: 0 }, ({ url }) => {
  console.log(JSON.stringify({ msg: "listening", url: url.origin }));
});
