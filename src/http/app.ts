import { Elysia, ParseError, ValidationError } from "elysia";
import { TaskflowError, validationFailed } from "../domain/error.ts";
import type { Log } from "../domain/log.ts";
import type { Engine } from "../engine/engine.ts";
import { about, type ShownSetting } from "./about.ts";
import { type AccessOptions, createAccess } from "./access.ts";
import { safeHeaders } from "./answer.ts";
import { bulk } from "./bulk.ts";
import { dashboard } from "./dashboard/dashboard.ts";
import { docs } from "./docs/docs.ts";
import { failures } from "./failures.ts";
import { history } from "./history.ts";
import { socketOptions } from "./live/limits.ts";
import { live } from "./live/live.ts";
import { preflightHeaders } from "./origin.ts";
import { periodic } from "./periodic.ts";
import { problemResponse } from "./problem.ts";
import { prometheus } from "./prometheus/prometheus.ts";
import { type Answered, noteAnswer, pathOf, requestId, requestIdHeader } from "./requests.ts";
import { createRouteTable } from "./route-table.ts";
import { system } from "./system.ts";
import { tasks } from "./tasks.ts";
import { createTraffic } from "./traffic.ts";
import { faultsOf } from "./validation.ts";

export interface AppOptions {
  readonly engine: Engine;
  readonly access: AccessOptions;
  readonly log: Log;
  /** Of TaskFlow, for the documentation. */
  readonly version: string;
  /** What is told of how the server is configured. */
  readonly configuration: readonly ShownSetting[];
}

/** The whole HTTP surface; whoever calls this makes it listen. */
export function createApp({ engine, access: accessOptions, log, version, configuration }: AppOptions) {
  const access = createAccess(accessOptions);
  const traffic = createTraffic();
  const answered = (exchange: Answered) => noteAnswer(exchange, traffic, log);

  const app = new Elysia({
    normalize: false,
    websocket: socketOptions,
    // Bun's router takes the path as it was sent and the checks take it as a URL: they would differ about a backslash.
    systemRouter: false,
    // A host may have fewer than four letters.
    handler: { standardHostname: false },
  })
    .decorate({ requestId: "", receivedAt: 0 })
    // Elysia reads from a hook's text what it needs of a request: handing the whole context on would cost each one dearly.
    .onRequest((context) => {
      const { request, server, set } = context;
      const id = requestId(request);
      context.requestId = id;
      context.receivedAt = performance.now();
      set.headers[requestIdHeader] = id;
      // First, so that a page may read why it is refused.
      Object.assign(set.headers, safeHeaders, access.corsHeaders(request));
      access.check(request, {
        address: () => server?.requestIP(request)?.address ?? null,
        isOpen: () => routes.isOpen(request.url),
      });
      if (request.method !== "OPTIONS") return;
      answered({ request, id, receivedAt: context.receivedAt, route: undefined, status: 204 });
      return new Response(null, { status: 204, headers: preflightHeaders });
    })
    .onAfterHandle(({ request, requestId: id, receivedAt, route, responseValue, set }) => {
      answered({ request, id, receivedAt, route, status: statusOf(responseValue, set.status) });
    })
    .onError(({ error, code, request, path, requestId: id, receivedAt, route }) => {
      const response = code === "NOT_FOUND" ? routes.refuse(request.method, path) : refuse(error, request, id);
      answered({ request, id, receivedAt, route, status: response.status });
      return response;
    })
    .use(system(engine))
    .use(about(engine, { version, configuration }))
    .use(history(engine))
    .use(failures(engine))
    .use(bulk(engine))
    .use(tasks(engine))
    .use(periodic(engine))
    .use(live(engine, { log, mayWrite: access.mayWrite }))
    .use((parent) => parent.use(prometheus(engine, { traffic, live: parent.decorator.live, version })))
    .use(dashboard({ mayWrite: access.mayWrite }))
    .use(docs({ handlers: () => engine.catalog.list(), generation: () => engine.catalog.generation, version }));

  const routes = createRouteTable(app.routes);
  return app;

  function refuse(error: unknown, request: Request, id: string): Response {
    const refusal = refusalOf(error);
    if (refusal !== null) return problemResponse(refusal);
    log.error({ request_id: id, method: request.method, path: pathOf(request.url), error }, "request failed");
    return problemResponse(defect(`, of the request ${id}`));
  }
}

/** Nothing to answer with is left only where the connection has become a WebSocket. */
function statusOf(response: unknown, status: number | string | undefined): number {
  if (response instanceof Response) return response.status;
  return response === undefined ? 101 : Number(status ?? 200);
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
function defect(where = ""): TaskflowError {
  return new TaskflowError("internal", `Something went wrong on the server; its log says what${where}.`);
}

/** The refusal that an error stands for, or null for a defect of ours. */
function refusalOf(error: unknown): TaskflowError | null {
  if (error instanceof TaskflowError) return error;
  if (error instanceof ParseError) return refusalOf(error.cause);
  if (error instanceof ValidationError) return validationFailed(faultsOf(error.all));
  return null;
}
