import { Elysia } from "elysia";
import { newTask } from "../src/engine/submit.ts";
import { json } from "../src/http/answer.ts";
import { readJson } from "../src/http/body.ts";
import { renderTask } from "../src/http/render.ts";
import { submissionFrom, submissionSchema } from "../src/http/submission.ts";
import { noQuery } from "../src/http/validation.ts";
import { readyHandler } from "../src/runtime/definition.ts";
import addNumbers from "./tasks/add_numbers.ts";

/**
 * What TaskFlow's submission is held against: the same route on Elysia alone, which reads, validates, binds and replies by
 * the same code, and stores nothing.
 */
const place = { name: "add_numbers", file: "add_numbers.ts", generation: 1 };
const handler = readyHandler(place, { input: JSON.parse(JSON.stringify(addNumbers.input)) });
const parts = {
  clock: { now: Date.now },
  newId: () => Bun.randomUUIDv7(),
  settings: { defaultMaxRetries: 3, defaultTimeoutMs: 300_000, maxQueueSize: Number.POSITIVE_INFINITY },
};

const app = new Elysia({ normalize: false }).post(
  "/api/v1/tasks",
  async ({ body, set }) => {
    const task = newTask(submissionFrom(body), handler, parts);
    set.status = 201;
    set.headers.location = `/api/v1/tasks/${task.id}`;
    return json(set, renderTask(task));
  },
  { parse: [({ request }) => readJson(request)], body: submissionSchema, query: noQuery },
);

app.listen({ hostname: "127.0.0.1", port: 0 }, ({ url }) => {
  console.log(JSON.stringify({ msg: "listening", url: url.origin }));
});
