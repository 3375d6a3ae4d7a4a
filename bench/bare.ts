import { Elysia } from "elysia";
import { json } from "../src/http/answer.ts";
import { readJson } from "../src/http/body.ts";
import { renderTask } from "../src/http/render.ts";
import { submissionSchema } from "../src/http/submission.ts";
import { noQuery } from "../src/http/validation.ts";
import { newSum } from "./sum.ts";

/**
 * What TaskFlow's submission is held against: the same route on Elysia alone, which reads, validates, binds and replies by
 * the same code, and stores nothing.
 */
const app = new Elysia({ normalize: false }).post(
  "/api/v1/tasks",
  async ({ body, set }) => {
    const task = newSum(body);
    set.status = 201;
    set.headers.location = `/api/v1/tasks/${task.id}`;
    return json(set, renderTask(task));
  },
  { parse: [({ request }) => readJson(request)], body: submissionSchema, query: noQuery },
);

app.listen({ hostname: "127.0.0.1", port: 0 }, ({ url }) => {
  console.log(JSON.stringify({ msg: "listening", url: url.origin }));
});
