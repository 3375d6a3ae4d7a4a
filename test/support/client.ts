import type { Static } from "@sinclair/typebox";
import type { taskSchema } from "../../src/http/schema.ts";

export type WireTask = Static<typeof taskSchema>;

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
  [Symbol.dispose](): void;
}

const finalEvents = new Set(["task_completed", "task_failed", "task_cancelled"]);

export async function connect(url: string): Promise<TestClient> {
  const events: WireEvent[] = [];
  const waiting = new Set<() => void>();
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/ws`);
  socket.onmessage = ({ data }) => {
    const event = JSON.parse(String(data));
    if (event.task === undefined) return;
    events.push(event);
    for (const look of waiting) look();
  };
  await new Promise<void>((opened, failed) => {
    socket.onopen = () => opened();
    socket.onerror = () => failed(new Error(`no WebSocket at ${url}`));
  });

  const get = (path: string) => fetch(`${url}${path}`);
  const post = (path: string, body?: unknown) =>
    fetch(`${url}${path}`, {
      method: "POST",
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });

  function event(taskId: string, fits: (event: WireEvent) => boolean): Promise<WireEvent> {
    return new Promise((found, failed) => {
      const look = () => {
        const hit = events.find((candidate) => candidate.task.task_id === taskId && fits(candidate));
        if (hit === undefined) return;
        waiting.delete(look);
        found(hit);
      };
      waiting.add(look);
      socket.addEventListener("close", () => {
        if (waiting.delete(look)) failed(new Error("the WebSocket closed before that happened"));
      });
      look();
    });
  }

  return {
    events,
    get,
    post,
    event,
    async submit(body) {
      const response = await post("/api/v1/tasks", body);
      if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
      return (await response.json()) as WireTask;
    },
    final: async (taskId) => (await event(taskId, ({ type }) => finalEvents.has(type))).task,
    [Symbol.dispose]: () => socket.close(),
  };
}
