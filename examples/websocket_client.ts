/**
 * Submits a task over the WebSocket and shows what happens to it, across dropped connections. Start a server, then:
 *
 *     bun examples/websocket_client.ts slow_task '{"duration": 3}'
 *
 * TASKFLOW_URL says where the server is (http://127.0.0.1:8000), TASKFLOW_API_KEY is sent to one that wants a key.
 * Exits with 0 when the task completed, 1 when it failed, 2 when it was cancelled, 3 when that could not be found out.
 */
import { setTimeout as sleep } from "node:timers/promises";

const server = (process.env.TASKFLOW_URL || "http://127.0.0.1:8000").replace(/\/+$/, "");
const key = process.env.TASKFLOW_API_KEY;

const exitCodes = { completed: 0, failed: 1, cancelled: 2, unknown: 3 };

const firstWaitMs = 250;
const longestWaitMs = 5_000;
const giveUpAfterMs = 120_000;
const pingEveryMs = 15_000;

/** Returns the exit code. */
async function main(): Promise<number> {
  const submission = readArguments(process.argv.slice(2));
  let socket = await connect();
  if (socket === null) throw new Error(await whyNot());
  socket.send({ type: "submit", ...submission });

  for (let view: View | null = null; ; ) {
    for await (const message of socket.messages) {
      if (message.type === "error") throw new Error(`${message.code}: ${message.detail}`);
      if (message.type === "resume_failed") say("the server no longer knows all that happened meanwhile");
      if (message.type === "submitted") view = new View(message.task);
      // Until it follows a task of its own, a connection hears of everyone's.
      if (!("seq" in message) || message.task.task_id !== view?.taskId) continue;
      view.show(message);
      if (message.type === "task_completed") return exitCodes.completed;
      if (message.type === "task_failed") return exitCodes.failed;
      if (message.type === "task_cancelled") return exitCodes.cancelled;
    }
    if (view === null) {
      throw new Error("The connection broke before the server answered: the task was accepted, or it was not.");
    }
    socket = await reconnect(view.lastSeq);
    // A new connection follows nothing yet. The answer brings the task's present state.
    socket.send({ type: "subscribe", task_id: view.taskId });
  }
}

function readArguments([name, kwargs = "{}", ...more]: string[]): object {
  const usage = `usage: bun examples/websocket_client.ts HANDLER ['{"name": "value"}']`;
  if (name === undefined || more.length > 0) throw new Error(usage);
  try {
    return { func_name: name, kwargs: JSON.parse(kwargs) };
  } catch (cause) {
    throw new Error(`The arguments of ${name} are not JSON: ${kwargs}\n${usage}`, { cause });
  }
}

interface Task {
  task_id: string;
  func_name: string;
  status: string;
  run_at: string;
  result: unknown;
  error: string | null;
  retry_count: number;
  max_retries: number;
  progress: { fraction: number; message: string | null } | null;
}

interface TaskEvent {
  type: `task_${string}`;
  task: Task;
  /** Rises with every event of the server, whichever task it is of. */
  seq: number;
  /** The line of a `task_log`. */
  log?: { level: string; message: string };
  /** Whether it is the present state of a task, rather than something that just happened. */
  snapshot?: true;
}

/** What the server sends. Further types may come: a client ignores what it does not know. */
type Message =
  | TaskEvent
  | { type: "submitted"; task: Task }
  | { type: "subscribed" | "pong" | "resume_failed" }
  | { type: "error"; code: string; detail: string };

/** Shows a task, and knows up to which event that is. */
class View {
  readonly taskId: string;
  lastSeq: number | null = null;
  #status: string;

  constructor({ task_id, func_name, status }: Task) {
    this.taskId = task_id;
    this.#status = status;
    say(`${func_name} is task ${task_id}`);
  }

  show(event: TaskEvent): void {
    const { seq, task, snapshot } = event;
    this.lastSeq = seq;
    if (!snapshot) say(describe(event));
    else if (task.status !== this.#status) say(`now: ${describe(event)}`);
    this.#status = task.status;
  }
}

function describe({ type, task, log }: TaskEvent): string {
  switch (type) {
    case "task_queued":
      return task.status === "pending" ? `waits until ${task.run_at}` : "queued";
    case "task_started":
      return `started, attempt ${task.retry_count + 1} of ${task.max_retries + 1}`;
    case "task_progress":
      return bar(task);
    case "task_log":
      return `${log?.level}: ${log?.message}`;
    case "task_retrying":
      return `failed, to be tried again at ${task.run_at}: ${task.error}`;
    case "task_completed":
      return `completed: ${JSON.stringify(task.result)}`;
    case "task_failed":
      return `failed: ${task.error}`;
    case "task_cancelled":
      return "cancelled";
    default:
      return type;
  }
}

function bar({ progress }: Task): string {
  const { fraction, message } = progress ?? { fraction: 0, message: null };
  const full = Math.round(fraction * 20);
  const percent = `${Math.floor(fraction * 100)}`.padStart(3);
  return `[${"#".repeat(full)}${".".repeat(20 - full)}] ${percent} % ${message ?? ""}`.trimEnd();
}

function say(text: string): void {
  // What a task says may hold control characters, and those move a terminal's cursor or worse.
  console.log(text.replace(/[\p{Cc}\p{Cf}]/gu, " "));
}

interface Connection {
  send(message: object): void;
  /** Ends when the connection does. */
  readonly messages: AsyncIterable<Message>;
}

/** Tries until there is a connection, waiting longer each time, which goes on after the event `since`. */
async function reconnect(since: number | null): Promise<Connection> {
  const giveUpAt = Date.now() + giveUpAfterMs;
  for (let waitMs = firstWaitMs; Date.now() < giveUpAt; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    say(`connection lost, trying again in ${waitMs / 1000} s`);
    await sleep(waitMs);
    const socket = await connect(since);
    if (socket !== null) {
      say("connected again");
      return socket;
    }
  }
  throw new Error(`${await whyNot()} The task itself goes on without this client.`);
}

/** A connection, or null when there is none to be had now. */
function connect(since: number | null = null): Promise<Connection | null> {
  const url = new URL("/ws", server.replace(/^http/, "ws"));
  if (since !== null) url.searchParams.set("since", String(since));
  const socket = new WebSocket(url, key ? ["bearer", key] : []);
  const { promise, resolve } = Promise.withResolvers<Connection | null>();
  const send = (message: object) => socket.send(JSON.stringify(message));

  const messages = new ReadableStream<Message>({
    start(controller) {
      let isQuiet = false;
      let pinging: ReturnType<typeof setInterval>;
      socket.onopen = () => {
        // Without this a connection that died silently, as on a laptop that slept, would look like a quiet one.
        pinging = setInterval(() => {
          if (isQuiet) return socket.close();
          isQuiet = true;
          send({ type: "ping" });
        }, pingEveryMs);
        resolve({ send, messages });
      };
      socket.onmessage = ({ data }) => {
        isQuiet = false;
        controller.enqueue(JSON.parse(data));
      };
      socket.onclose = () => {
        clearInterval(pinging);
        controller.close();
        resolve(null);
      };
    },
  });
  return promise;
}

/** Why there is no WebSocket: the API beside it answers with a reason. */
async function whyNot(): Promise<string> {
  const headers: Record<string, string> = key ? { authorization: `Bearer ${key}` } : {};
  const response = await fetch(new URL("/api/v1/registered-tasks", server), { headers }).catch(() => null);
  if (response === null) return `There is no TaskFlow at ${server}. Start one, or set TASKFLOW_URL to where it is.`;
  if (response.status === 401) return `${server} wants a valid key: set TASKFLOW_API_KEY.`;
  return `${server} answers, but gives no WebSocket. Is that a TaskFlow?`;
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(exitCodes.unknown);
}
