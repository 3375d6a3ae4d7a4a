import { isFinal, type Status, statuses } from "../domain/task.ts";
import { type Client, isPassing } from "./client.ts";
import { Failure } from "./failure.ts";
import { LogLines } from "./log-lines.ts";
import { listOf } from "./shape.ts";
import { connectSocket } from "./socket.ts";
import { isEvent, isLogLine, isTask, type WireLogLine, type WireTask } from "./wire.ts";

/** What someone who follows a task is told, in order. */
export interface Follower {
  /** The task is in this state, which may be the one that was told last. */
  state(task: WireTask): void;
  progress(task: WireTask): void;
  /** Each line once, those of before included. */
  log(line: WireLogLine): void;
  /** The server is away, and is tried again. */
  lost(): void;
  found(): void;
}

/** Between two looks at a task where there is no WebSocket. */
const pollEveryMs = 1_000;
const longestWaitMs = 5_000;
/** For how long a server may be away. */
const giveUpAfterMs = 120_000;

/**
 * Follows a task to its end and resolves with it: over the WebSocket, across restarts of the server, and by asking again and
 * again where there is none to be had. @throws Failure when it is refused, or the server stays away.
 */
export async function follow(client: Client, taskId: string, follower: Follower): Promise<WireTask> {
  const logs = new LogLines((line) => follower.log(line));
  let since: number | null = null;
  let awaySince: number | null = null;
  for (let waitMs = pollEveryMs; ; ) {
    const heard = await listen(client, taskId, since, follower, logs);
    const task = heard.final ?? (await lookUp(client, taskId, logs));
    since = heard.seq;
    if (task !== null) {
      if (awaySince !== null) follower.found();
      awaySince = null;
      waitMs = pollEveryMs;
      follower.state(task);
      if (hasEnded(task)) return task;
    } else {
      if (awaySince === null) follower.lost();
      awaySince ??= Date.now();
      if (Date.now() - awaySince > giveUpAfterMs) throw stayedAway(client, taskId);
      waitMs = Math.min(waitMs * 2, longestWaitMs);
    }
    await Bun.sleep(waitMs);
  }
}

export function hasEnded({ status }: Pick<WireTask, "status">): boolean {
  return isStatus(status) && isFinal(status);
}

interface Heard {
  /** The task, when it has ended; null when the connection ended before. */
  readonly final: WireTask | null;
  /** Of the last event. */
  readonly seq: number | null;
}

/** Listens until the task has ended or the connection has. */
async function listen(
  client: Client,
  taskId: string,
  since: number | null,
  follower: Follower,
  logs: LogLines,
): Promise<Heard> {
  let seq = since;
  using connection = await connectSocket(client.target, since);
  if (connection === null) return { final: null, seq };
  connection.send({ type: "subscribe", task_id: taskId });
  for await (const message of connection.messages()) {
    // Whatever is refused here is refused over HTTP as well, and there with an exit code.
    if (message.type === "error") break;
    // Until it follows a task of its own, a connection hears of everyone's.
    if (!isEvent(message) || message.task.task_id !== taskId) continue;
    seq = message.seq;
    const { type, task, log } = message;
    if (type === "task_log" && log !== undefined) logs.heard(log);
    else if (type === "task_progress") follower.progress(task);
    // What was logged before it was followed, and what a slow reader was not told, is in the store.
    else if (hasEnded(task)) return { final: await lookUp(client, taskId, logs), seq };
    else follower.state(task);
    if (message.snapshot) await lookUp(client, taskId, logs);
  }
  return { final: null, seq };
}

/** The task, after its log up to now was told; null when the server is away or busy. */
async function lookUp(client: Client, taskId: string, logs: LogLines): Promise<WireTask | null> {
  const path = `/api/v1/tasks/${encodeURIComponent(taskId)}`;
  try {
    const { value: task } = await client.call(path, isTask);
    logs.known((await client.call(`${path}/logs`, listOf(isLogLine))).value);
    return task;
  } catch (error) {
    if (isPassing(error)) return null;
    throw error;
  }
}

function isStatus(status: string): status is Status {
  return statuses.some((known) => known === status);
}

function stayedAway({ target }: Client, taskId: string): Failure {
  return new Failure("unreachable", `The server at ${target.url} stays away.`, {
    advice: `The task is not lost: \`taskflow show ${taskId} --follow\` goes on from there once the server is back.`,
  });
}
