import type { ServerWebSocket } from "bun";
import { Elysia } from "elysia";
import { TaskflowError } from "../../domain/error.ts";
import type { Engine } from "../../engine/engine.ts";
import { clientOf } from "../client-address.ts";
import { type DocumentedResponse, errors } from "../detail.ts";
import { problemResponse, problemSchema } from "../problem.ts";
import { requestIdHeader } from "../requests.ts";
import type { LiveConnection, Visitor } from "./connection.ts";
import { type HubOptions, LiveHub } from "./hub.ts";
import { outletOf } from "./outlet.ts";

export interface LiveOptions extends HubOptions {
  /** Whether whoever asks may submit and cancel. */
  readonly mayWrite?: (request: Request) => boolean;
}

/** The WebSocket at `/ws`. As `live` it decorates the app with the hub that keeps its connections. */
export function live(engine: Engine, { mayWrite = () => true, ...options }: LiveOptions) {
  const hub = new LiveHub(engine, options);
  return new Elysia({ normalize: false }).decorate("live", hub).get(
    "/ws",
    ({ request, server, query, set }) => {
      const address = server?.requestIP(request)?.address;
      const client = address === undefined ? null : clientOf(address);
      const data = socketHandlers(hub, { mayWrite: mayWrite(request), client, query });
      // Elysia's own `.ws` parses what comes in before anyone sees it, so that a text cannot be told from JSON in it.
      const id = set.headers[requestIdHeader];
      const headers = id === undefined ? {} : { [requestIdHeader]: String(id) };
      if (server?.upgrade(request, { data, headers })) return;
      return upgradeRequired();
    },
    { detail },
  );
}

/** What Elysia calls for a socket, found in its `data`. */
interface SocketHandlers {
  open(socket: ServerWebSocket<unknown>): void;
  message(socket: ServerWebSocket<unknown>, data: string | Buffer): void;
  drain(): void;
  close(): void;
}

function socketHandlers(hub: LiveHub, visitor: Visitor): SocketHandlers {
  let connection: LiveConnection | null = null;
  return {
    open(socket) {
      connection = hub.open(outletOf(socket, hub.messages), visitor);
    },
    message(_socket, data) {
      hub.messages.received += 1;
      connection?.receive(data);
    },
    drain() {
      connection?.drained();
    },
    close() {
      connection?.closed();
    },
  };
}

function upgradeRequired(): Response {
  const error = new TaskflowError("upgrade_required", "/ws speaks WebSocket: connect to it with a WebSocket client.");
  return problemResponse(error, { upgrade: "websocket", connection: "Upgrade" });
}

const responses: Record<number, DocumentedResponse> = {
  101: { description: "The connection is a WebSocket now" },
  ...errors(),
  426: {
    description: "The request did not ask for a WebSocket",
    content: { "application/problem+json": { schema: problemSchema } },
  },
};

const detail = {
  tags: ["WebSocket"],
  summary: "Follow tasks live",
  description: [
    "A WebSocket of JSON messages. It tells everything that happens until the first `subscribe` or `submit`, and from then",
    "on what happens to those tasks: `{type, task, timestamp, seq}`, with `type` one of `task_queued`, `task_started`,",
    "`task_progress`, `task_log`, `task_retrying`, `task_completed`, `task_failed`, `task_cancelled`.",
    "",
    "The client may send, each with an `id` that is echoed in the answer:",
    "",
    '- `{"type":"subscribe","task_id"}`: `subscribed`, then the present state of the task, marked with `"snapshot":true`',
    '- `{"type":"unsubscribe","task_id"}`: `unsubscribed`',
    '- `{"type":"submit", …}` with the fields of `POST /api/v1/tasks`: `submitted` with the task, which it then follows',
    '- `{"type":"cancel","task_id"}`: `cancelled`, or `cancelling` while the task still runs, with the task',
    '- `{"type":"ping"}`: `pong`',
    "",
    "What is refused is answered by `error` with `code`, `detail` and `errors`, and the connection stays.",
    "`?since=SEQ` continues after the last event received, or sends `resume_failed` first when those that followed are no",
    "longer known. A client that reads too slowly misses progress and log events, and is then closed with 1013.",
  ].join("\n"),
  responses,
};
