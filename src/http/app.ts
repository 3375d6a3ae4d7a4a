import { Elysia, ParseError, ValidationError } from "elysia";
import { TaskflowError, validationFailed } from "../domain/error.ts";
import type { Log } from "../domain/log.ts";
import type { Engine } from "../engine/engine.ts";
import { type AccessOptions, createAccess, preflightHeaders } from "./access.ts";
import { docs } from "./docs/docs.ts";
import { live } from "./live/live.ts";
import { periodic } from "./periodic.ts";
import { problemResponse } from "./problem.ts";
import { createRouteTable } from "./route-table.ts";
import { system } from "./system.ts";
import { tasks } from "./tasks.ts";
import { faultsOf } from "./validation.ts";

export interface AppOptions {
  readonly engine: Engine;
  readonly access: AccessOptions;
  readonly log: Log;
  /** Of TaskFlow, for the documentation. */
  readonly version: string;
}

/** The whole HTTP surface; whoever calls this makes it listen. */
export function createApp({ engine, access: accessOptions, log, version }: AppOptions) {
  const access = createAccess(accessOptions);

  const app = new Elysia({ normalize: false })
    .onRequest(({ request, set }) => {
      // First, so that a page may read why it is refused.
      Object.assign(set.headers, access.corsHeaders(request));
      access.check(request);
      if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: preflightHeaders });
    })
    .onError(({ error, code, request }) => {
      if (code === "NOT_FOUND") return routes.refuse(request);
      const refusal = refusalOf(error);
      if (refusal !== null) return problemResponse(refusal);
      log.error({ method: request.method, path: new URL(request.url).pathname, error }, "request failed");
      return problemResponse(new TaskflowError("internal", "Something went wrong on the server; its log says what."));
    })
    .use(system(engine))
    .use(tasks(engine))
    .use(periodic(engine))
    .use(live(engine, { log, mayWrite: access.mayWrite }))
    .use(docs({ handlers: engine.catalog.list, generation: () => engine.catalog.generation, version }));

  const routes = createRouteTable(app.routes);
  return app;
}

/** The refusal that an error stands for, or null for a defect of ours. */
function refusalOf(error: unknown): TaskflowError | null {
  if (error instanceof TaskflowError) return error;
  if (error instanceof ParseError) return refusalOf(error.cause);
  if (error instanceof ValidationError) return validationFailed(faultsOf(error.all));
  return null;
}
