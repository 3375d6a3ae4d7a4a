import type { Static } from "@sinclair/typebox";
import type { taskSchema } from "../../src/http/schema.ts";

export type WireTask = Static<typeof taskSchema>;

/** Whatever the server says over the WebSocket. */
export interface WireMessage {
  readonly type: string;
  readonly id?: string | number;
  readonly task?: WireTask;
  readonly [field: string]: unknown;
}

export interface WireEvent {
  readonly type: string;
  readonly task: WireTask;
  readonly timestamp: string;
  readonly seq: number;
  readonly log?: { readonly level: string; readonly message: string };
}

/** A client as users write them: REST to act, the WebSocket to wait. */
export interface TestClient {
  readonly events: readonly WireEvent[];
  get(path: string): Promise<Response>;
  post(path: string, body?: unknown): Promise<Response>;
  /** Submits and expects a 201. */
  submit(body: Readonly<Record<string, unknown>>): Promise<WireTask>;
  /** The first event of a task that fits, of those there were and those to come. */
  event(taskId: string, fits: (event: WireEvent) => boolean): Promise<WireEvent>;
  /** The task when it is final. */
  final(taskId: string): Promise<WireTask>;
  /** Says something over the WebSocket; resolves with what answers it, by its `id`. */
  ask(message: Readonly<Record<string, unknown>>): Promise<WireMessage>;
  [Symbol.dispose](): void;
}

/** @param key sent as a browser would: in the header over REST, as a subprotocol over the WebSocket. */
export async function connect(url: string, key?: string): Promise<TestClient> {
  const authorization: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/ws`, key === undefined ? [] : ["bearer", key]);
  const heard = await listenTo(socket);
  let asked = 0;

  const get = (path: string) => fetch(`${url}${path}`, { headers: authorization });
  const post = (path: string, body?: unknown) => {
    const type: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return fetch(`${url}${path}`, { method: "POST", headers: { ...authorization, ...type }, ...sent });
  };
  const event = (taskId: string, fits: (event: WireEvent) => boolean) =>
    heard.first((message) => (isEvent(message) && message.task.task_id === taskId && fits(message) ? message : null));

  return {
    get events() {
      return heard.messages.filter(isEvent);
    },
    get,
    post,
    event,
    async submit(body) {
      const response = await post("/api/v1/tasks", body);
      if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
      return (await response.json()) as WireTask;
    },
    async final(taskId) {
      // It may have ended before this client came.
      const known = (await (await get(`/api/v1/tasks/${taskId}`)).json()) as WireTask;
      return known.completed_at === null ? (await event(taskId, ({ task }) => task.completed_at !== null)).task : known;
    },
    ask(message) {
      const id = `ask ${asked++}`;
      socket.send(JSON.stringify({ ...message, id }));
      return heard.first((answer) => (answer.id === id ? answer : null));
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

interface Heard {
  readonly messages: readonly WireMessage[];
  /** What `pick` makes of the first message that it does not answer with null, of those there were and those to come. */
  first<Picked>(pick: (message: WireMessage) => Picked | null): Promise<Picked>;
}

/** Gathers what a socket says from its opening on, for which it waits. */
async function listenTo(socket: WebSocket): Promise<Heard> {
  const messages: WireMessage[] = [];
  const waiting = new Set<(message: WireMessage) => void>();
  const closed = new Promise<void>((done) => {
    socket.onclose = () => done();
  });
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(String(data)) as WireMessage;
    messages.push(message);
    for (const look of waiting) look(message);
  };
  await new Promise<void>((opened, failed) => {
    socket.onopen = () => opened();
    socket.onerror = () => failed(new Error(`no WebSocket at ${socket.url}`));
  });
  return {
    messages,
    first: (pick) =>
      new Promise((found, failed) => {
        const look = (message: WireMessage) => {
          const picked = pick(message);
          if (picked === null) return false;
          waiting.delete(look);
          found(picked);
          return true;
        };
        if (messages.some(look)) return;
        waiting.add(look);
        void closed.then(() => {
          if (waiting.delete(look)) failed(new Error("the WebSocket closed before that happened"));
        });
      }),
  };
}

function isEvent(message: WireMessage): message is WireMessage & WireEvent {
  return message.task !== undefined && typeof message.seq === "number";
}
