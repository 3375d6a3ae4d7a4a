import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { wordsOf } from "../domain/cron-words.ts";
import type { PeriodicTask } from "../domain/periodic.ts";
import type { Engine } from "../engine/engine.ts";
import { json } from "./answer.ts";
import { readJson } from "./body.ts";
import { changesFrom, changesSchema, definitionFrom, definitionSchema } from "./periodic-definition.ts";
import { periodicDetails as details } from "./periodic-details.ts";
import { renderEntry, renderFiring, renderList, renderPeriodic } from "./render.ts";
import { noQuery } from "./validation.ts";

/** Times shown of what is to come. */
const upcomingCount = 5;

const previewSchema = Type.Object(
  {
    cron_expression: definitionSchema.properties.cron_expression,
    timezone: definitionSchema.properties.timezone,
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 20, description: "Times to list; 5 by default" })),
  },
  { additionalProperties: false, examples: [{ cron_expression: "30 2 * * *", timezone: "Europe/Berlin" }] },
);

const named = Type.Object({ name: Type.String() });

const readingJson = { parse: [({ request }: { request: Request }) => readJson(request)] };

/** `/api/v1/periodic-tasks`: create or replace, look at, change, trigger and delete. */
export function periodic(engine: Engine) {
  const upcoming = (entry: PeriodicTask) => engine.periodic.upcoming(entry, upcomingCount);

  return new Elysia({ prefix: "/api/v1/periodic-tasks", normalize: false })
    .post(
      "/",
      async ({ body, set }) => {
        const { entry, replaced } = await engine.periodic.save(definitionFrom(body));
        set.status = 201;
        set.headers.location = `/api/v1/periodic-tasks/${encodeURIComponent(entry.name)}`;
        const message = `Periodic task '${entry.name}' ${replaced ? "replaced" : "created"}`;
        return json(set, renderPeriodic(entry, upcoming(entry), { message, replaced }));
      },
      { ...readingJson, body: definitionSchema, query: noQuery, detail: details.save },
    )
    .post(
      "/preview",
      ({ body: { cron_expression, timezone = "UTC", count = upcomingCount } }) => {
        const cron = engine.periodic.preview(cron_expression, timezone, count);
        return {
          cron_words: wordsOf(cron_expression),
          timezone: cron.timezone,
          upcoming: cron.upcoming.map((at) => new Date(at).toISOString()),
        };
      },
      { ...readingJson, body: previewSchema, query: noQuery, detail: details.preview },
    )
    .get(
      "/",
      async ({ set }) => {
        const entries = await engine.periodic.list();
        const members = entries.map((entry) => `${JSON.stringify(entry.name)}:${renderEntry(entry)}`);
        return json(set, `{${members.join(",")}}`);
      },
      { query: noQuery, detail: details.list },
    )
    .get(
      "/:name",
      async ({ params, set }) => {
        const entry = await engine.periodic.find(params.name);
        return json(set, renderPeriodic(entry, upcoming(entry)));
      },
      { params: named, query: noQuery, detail: details.show },
    )
    .patch(
      "/:name",
      async ({ params, body, set }) => {
        const entry = await engine.periodic.patch(params.name, changesFrom(body));
        return json(set, renderPeriodic(entry, upcoming(entry)));
      },
      { ...readingJson, params: named, body: changesSchema, query: noQuery, detail: details.change },
    )
    .delete(
      "/:name",
      async ({ params: { name } }) => {
        await engine.periodic.remove(name);
        return { message: `Periodic task '${name}' deleted` };
      },
      { params: named, query: noQuery, detail: details.remove },
    )
    .post(
      "/:name/trigger",
      async ({ params: { name } }) => {
        const task = await engine.periodic.trigger(name);
        return { message: `Periodic task '${name}' triggered`, task_id: task.id };
      },
      { params: named, query: noQuery, detail: details.trigger },
    )
    .get(
      "/:name/history",
      async ({ params, set }) => json(set, renderList(await engine.periodic.history(params.name), renderFiring)),
      { params: named, query: noQuery, detail: details.history },
    );
}
