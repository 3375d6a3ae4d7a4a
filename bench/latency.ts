import { type Connection, connect, postRequest } from "./connection.ts";
import type { LatencyJob } from "./job.ts";

/**
 * Submits one task at a time, each after a random idle gap, and measures from the sending of the POST to the event or the
 * reply. Milliseconds, one number a task.
 * @throws Error when a task is not accepted or does not complete, or a connection breaks.
 */
export async function probeLatency({ url: address, body, samples, until, idleMs }: LatencyJob): Promise<number[]> {
  const url = new URL(address);
  const request = postRequest(url, "/api/v1/tasks", body);
  const ends = new Ends();
  const connection = await connect(url, {
    answered(status) {
      if (status === 201) ends.reached("answered");
      else ends.fail(new Error(`the task was answered by ${status}`));
    },
    failed: (error) => ends.fail(error),
  });
  const events = until === "completed" ? await listen(url, ends) : null;
  try {
    const times: number[] = [];
    while (times.length < samples) {
      await Bun.sleep(idleMs.min + Math.random() * (idleMs.max - idleMs.min));
      times.push(await timeOne(connection, request, ends, until));
    }
    return times;
  } finally {
    connection.close();
    events?.close();
  }
}

async function timeOne(
  connection: Connection,
  request: Buffer,
  ends: Ends,
  until: LatencyJob["until"],
): Promise<number> {
  const answered = ends.next("answered");
  const end = until === "answered" ? answered : ends.next("completed");
  const sentAt = performance.now();
  connection.send(request);
  const [endedAt] = await Promise.all([end, answered]);
  return endedAt - sentAt;
}

/** When the one task under way was answered and completed. */
class Ends {
  readonly #waiting = new Map<LatencyJob["until"], PromiseWithResolvers<number>>();
  /** What broke, maybe while nobody waited. */
  #error: Error | null = null;

  next(what: LatencyJob["until"]): Promise<number> {
    if (this.#error !== null) return Promise.reject(this.#error);
    const awaited = Promise.withResolvers<number>();
    this.#waiting.set(what, awaited);
    return awaited.promise;
  }

  reached(what: LatencyJob["until"]): void {
    this.#waiting.get(what)?.resolve(performance.now());
  }

  fail(error: Error): void {
    this.#error ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
  }
}

/** A WebSocket that hears of every task, since it never subscribes to one. */
async function listen(url: URL, ends: Ends): Promise<WebSocket> {
  const socket = new WebSocket(`ws://${url.host}/ws`);
  const opened = Promise.withResolvers<void>();
  const fail = (error: Error) => {
    opened.reject(error);
    ends.fail(error);
  };
  socket.onopen = () => opened.resolve();
  socket.onclose = ({ code }) => fail(new Error(`the WebSocket was closed with ${code}`));
  socket.onerror = () => fail(new Error("the WebSocket broke"));
  socket.onmessage = ({ data }) => {
    // Events begin with their type; nothing here costs time before the clock is read.
    const text = String(data);
    if (text.startsWith('{"type":"task_completed"')) ends.reached("completed");
    if (text.startsWith('{"type":"task_failed"')) fail(new Error(`the task failed: ${text.slice(0, 500)}`));
  };
  await opened.promise;
  return socket;
}
