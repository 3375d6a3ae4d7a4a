import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { type Status, statuses, type Task } from "../domain/task.ts";
import type { Engine, ListFilter } from "../engine/engine.ts";
import { mostAhead, type Waiting } from "../engine/waiting.ts";
import { type Answer, json } from "./answer.ts";
import { readJson } from "./body.ts";
import { renderAttempt, renderList, renderLogLine, renderTask } from "./render.ts";
import { originOf } from "./requests.ts";
import { submissionFrom, submissionSchema } from "./submission.ts";
import { taskDetails as details } from "./task-details.ts";
import { filterFields, filterFrom, readNumbers } from "./task-filter.ts";
import { noQuery } from "./validation.ts";

/** Tasks one batch may hold. */
const maxBatch = 1_000;
const defaultLimit = 100;

const batchSchema = Type.Object(
  { tasks: Type.Array(submissionSchema, { minItems: 1, maxItems: maxBatch }) },
  { additionalProperties: false },
);

const statusName = Type.Enum(Object.fromEntries(statuses.map((status) => [status, status])) as { [s in Status]: s });

const { status: _inPath, ...otherFields } = filterFields;
const statusQuery = Type.Object(
  {
    ...otherFields,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: `${defaultLimit} by default` })),
    cursor: Type.Optional(Type.String({ description: "From the Link header of the page before" })),
  },
  { additionalProperties: false },
);

const listQuery = Type.Object(
  { status: filterFields.status, ...statusQuery.properties },
  { additionalProperties: false },
);

const taskParams = Type.Object({ task_id: Type.String() });

const submitting = { parse: [({ request }: { request: Request }) => readJson(request)] };

/** `/api/v1/tasks`: submit, list, look at, cancel and retry. */
export function tasks(engine: Engine) {
  return new Elysia({ prefix: "/api/v1/tasks", normalize: false })
    .post(
      "/",
      async ({ body, request, set }) => {
        const [task] = await engine.submit([submissionFrom(body, "", originOf(request, set))]);
        if (task === undefined) throw new Error("submitting one task gave none");
        return created(set, task);
      },
      { ...submitting, body: submissionSchema, query: noQuery, detail: details.submit },
    )
    .post(
      "/batch",
      async ({ body, request, set }) => {
        const origin = originOf(request, set);
        const submissions = body.tasks.map((task, index) => submissionFrom(task, `/tasks/${index}`, origin));
        const accepted = await engine.submit(submissions);
        set.status = 201;
        return json(set, `{"tasks":${renderList(accepted, renderTask)}}`);
      },
      { ...submitting, body: batchSchema, query: noQuery, detail: details.batch },
    )
    .get(
      "/",
      async ({ query: { limit, cursor, ...filter }, request, set }) =>
        list({ ...filterFrom(filter), ...pageOf(limit, cursor) }, request, set),
      { transform: readNumbers, query: listQuery, detail: details.list },
    )
    .get(
      "/status/:status",
      async ({ params, query: { limit, cursor, ...filter }, request, set }) => {
        // Here clients of old mean by "pending" what waits to run now.
        const status = params.status === "pending" ? "queued" : params.status;
        return list({ ...filterFrom({ ...filter, status }), ...pageOf(limit, cursor) }, request, set);
      },
      {
        params: Type.Object({ status: statusName }),
        query: statusQuery,
        transform: readNumbers,
        detail: details.listByStatus,
      },
    )
    .get("/:task_id", async ({ params, set }) => json(set, renderTask(await engine.find(params.task_id))), {
      params: taskParams,
      query: noQuery,
      detail: details.show,
    })
    .get(
      "/:task_id/attempts",
      async ({ params, set }) => json(set, renderList(await engine.attempts(params.task_id), renderAttempt)),
      { params: taskParams, query: noQuery, detail: details.attempts },
    )
    .get(
      "/:task_id/logs",
      async ({ params, set }) => json(set, renderList(await engine.logs(params.task_id), renderLogLine)),
      { params: taskParams, query: noQuery, detail: details.logs },
    )
    .get(
      "/:task_id/waiting",
      async ({ params }) => {
        const { task, waiting } = await engine.waiting(params.task_id);
        return waitingView(task, waiting);
      },
      { params: taskParams, query: noQuery, detail: details.waiting },
    )
    .post(
      "/:task_id/cancel",
      async ({ params, set }) => {
        const task = await engine.cancel(params.task_id);
        set.status = task.status === "running" ? 202 : 200;
        return json(set, renderTask(task));
      },
      { params: taskParams, query: noQuery, detail: details.cancel },
    )
    .post(
      "/:task_id/retry",
      async ({ params, request, set }) => created(set, await engine.retry(params.task_id, originOf(request, set))),
      {
        params: taskParams,
        query: noQuery,
        detail: details.retry,
      },
    );

  async function list(filter: ListFilter, request: Request, set: Answer): Promise<string> {
    const { tasks: found, next } = await engine.list(filter);
    if (next !== null) {
      const { pathname, searchParams } = new URL(request.url);
      searchParams.set("cursor", next);
      // Without scheme and host: behind a proxy the client's are others, and a key must not go out unencrypted.
      set.headers.link = `<${pathname}?${searchParams}>; rel="next"`;
    }
    return json(set, renderList(found, renderTask));
  }
}

function pageOf(limit: number | undefined, cursor: string | undefined): Pick<ListFilter, "limit" | "cursor"> {
  return { limit: limit ?? defaultLimit, ...(cursor === undefined ? {} : { cursor }) };
}

function waitingView({ id, status }: Task, waiting: Waiting | null) {
  const { reason = null, detail = null, until = null, ahead = null } = waiting ?? {};
  return {
    task_id: id,
    status,
    reason,
    detail,
    until: until === null ? null : new Date(until).toISOString(),
    ahead,
    ahead_is_more: ahead === mostAhead,
  };
}

function created(set: Answer, task: Task): string {
  set.status = 201;
  set.headers.location = `/api/v1/tasks/${task.id}`;
  return json(set, renderTask(task));
}
