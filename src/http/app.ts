import { Elysia, ParseError, ValidationError } from "elysia";
import { TaskflowError, validationFailed } from "../domain/error.ts";
import type { Log } from "../domain/log.ts";
import type { Engine } from "../engine/engine.ts";
import { type AccessOptions, createAccess } from "./access.ts";
import { safeHeaders } from "./answer.ts";
import { docs } from "./docs/docs.ts";
import { socketOptions } from "./live/limits.ts";
import { live } from "./live/live.ts";
import { preflightHeaders } from "./origin.ts";
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

  const app = new Elysia({
    normalize: false,
    websocket: socketOptions,
    // Bun's router takes the path as it was sent and the checks take it as a URL: they would differ about a backslash.
    systemRouter: false,
    // A host may have fewer than four letters.
    handler: { standardHostname: false },
  })
    .onRequest(({ request, server, set }) => {
      // First, so that a page may read why it is refused.
      Object.assign(set.headers, safeHeaders, access.corsHeaders(request));
      access.check(request, {
        address: () => server?.requestIP(request)?.address ?? null,
        isOpen: () => routes.isOpen(request.url),
      });
      if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: preflightHeaders });
    })
    .onError(({ error, code, request, path }) => {
      if (code === "NOT_FOUND") return routes.refuse(request.method, path);
      const refusal = refusalOf(error);
      if (refusal !== null) return problemResponse(refusal);
      log.error({ method: request.method, path, error }, "request failed");
      return problemResponse(defect());
    })
    .use(system(engine))
    .use(tasks(engine))
    .use(live(engine, { log, mayWrite: access.mayWrite }))
    .use(docs({ handlers: () => engine.catalog.list(), generation: () => engine.catalog.generation, version }));

  const routes = createRouteTable(app.routes);
  return app;
}

/** How the app listens, beside the address. */
export const serveOptions = {
  // Else another process of the same user could listen there, too, and get some of the requests with their keys.
  reusePort: false,
  /** Seconds without a word, or with a body that trickles; for the headers Bun gives ten. */
  idleTimeout: 60,
  // Bodies over the limit are refused by the route, with an answer that says so.
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  // Bun's own page of an error shows the code around it. The app answers all errors; this is for one in doing so.
  development: false,
  error: () => problemResponse(defect()),
};

/** What is said of a defect of ours: nothing of it, since it may hold anything. */
function defect(): TaskflowError {
  return new TaskflowError("internal", "Something went wrong on the server; its log says what.");
}

/** The refusal that an error stands for, or null for a defect of ours. */
function refusalOf(error: unknown): TaskflowError | null {
  if (error instanceof TaskflowError) return error;
  if (error instanceof ParseError) return refusalOf(error.cause);
  if (error instanceof ValidationError) return validationFailed(faultsOf(error.all));
  return null;
}
