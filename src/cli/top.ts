import { type Client, isPassing } from "./client.ts";
import type { Session } from "./command.ts";
import type { Output } from "./output.ts";
import { listOf } from "./shape.ts";
import { type Connection, connectSocket } from "./socket.ts";
import { type Sight, topFrame } from "./top-frame.ts";
import { isEvent, isHealth, isMetrics, isTask, type WireEvent } from "./wire.ts";

const refreshEveryMs = 1_000;
const keptEvents = 100;
const mostRunning = 100;
/** Ctrl-C is a key like others while a terminal is raw. */
const leavingKeys = ["q", "Q", "\x03"];

/** Shows the server until `q` or Ctrl-C; once, as plain lines, when it is not on a terminal. @throws Failure */
export async function top({ client, output, isJson }: Session): Promise<void> {
  if (isJson) return output.json((await client.call("/api/v1/metrics", isMetrics)).text);
  const sight = await look(client);
  if (!output.isTerminal || !process.stdin.isTTY) {
    const size = { columns: output.width, rows: Number.POSITIVE_INFINITY };
    return output.line(...topFrame(sight, size, (tone, text) => output.paint(tone, text)));
  }
  // From the first picture on nothing is missed.
  const connection = await connectSocket(client.target, null);
  using screen = openScreen();
  const events: WireEvent[] = [];
  await Promise.all([
    watch(client, sight, events, output, screen.left),
    listen(client, connection, events, screen.left),
  ]);
}

async function look(client: Client): Promise<Sight> {
  const [health, metrics, running] = await Promise.all([
    client.call("/health", isHealth, { also: [503] }),
    client.call("/api/v1/metrics", isMetrics),
    client.call(`/api/v1/tasks?status=running&limit=${mostRunning}`, listOf(isTask)),
  ]);
  const { url } = client.target;
  return { url, health: health.value, metrics: metrics.value, running: running.value, events: [], away: null };
}

/** Draws what is seen, again and again, until `left` aborts. */
async function watch(
  client: Client,
  first: Sight,
  events: readonly WireEvent[],
  output: Output,
  left: AbortSignal,
): Promise<void> {
  let sight = first;
  const draw = () => {
    const size = { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
    const lines = topFrame({ ...sight, events }, size, (tone, text) => output.paint(tone, text));
    // Each line is overwritten and its rest cleared: clearing all of it first would flicker.
    process.stdout.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
  };
  process.stdout.on("resize", draw);
  while (!left.aborted) {
    draw();
    await pause(refreshEveryMs, left);
    if (left.aborted) break;
    try {
      sight = await look(client);
    } catch (error) {
      if (!isPassing(error)) throw error;
      sight = { ...sight, away: sight.away ?? new Date().toISOString() };
    }
  }
  process.stdout.off("resize", draw);
}

/** Keeps the latest of everyone's events, across lost connections. */
async function listen(client: Client, first: Connection | null, events: WireEvent[], left: AbortSignal): Promise<void> {
  let connection = first;
  while (!left.aborted) {
    const heard = connection;
    const end = () => heard?.[Symbol.dispose]();
    left.addEventListener("abort", end, { once: true });
    for await (const message of heard?.messages() ?? []) {
      // Progress is shown beside the task, and would push everything else out here.
      if (!isEvent(message) || message.type === "task_progress") continue;
      events.push(message);
      if (events.length > keptEvents) events.shift();
    }
    left.removeEventListener("abort", end);
    await pause(refreshEveryMs, left);
    connection = left.aborted ? null : await connectSocket(client.target, null);
  }
  connection?.[Symbol.dispose]();
}

interface Screen extends Disposable {
  /** Aborts when whoever watches wants to leave. */
  readonly left: AbortSignal;
}

/** Takes the terminal over, and gives it back as it was when it is disposed of or the process ends. */
function openScreen(): Screen {
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  const pressed = (keys: Buffer) => {
    if (leavingKeys.some((key) => keys.includes(key))) leave();
  };
  const restore = () => {
    process.stdin.setRawMode(false);
    process.stdout.write("\x1b[?25h\x1b[?1049l");
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  process.once("exit", restore);
  for (const signal of signals) process.on(signal, leave);
  process.stdin.setRawMode(true);
  process.stdin.on("data", pressed).resume();
  process.stdout.write("\x1b[?1049h\x1b[?25l\x1b[2J");
  return {
    left: leaving.signal,
    [Symbol.dispose]() {
      process.off("exit", restore);
      for (const signal of signals) process.off(signal, leave);
      process.stdin.off("data", pressed).pause();
      leave();
      restore();
    },
  };
}

/** Resolves after a while, and at once when whoever watches leaves. */
function pause(ms: number, left: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (left.aborted) resolve();
  const timer = setTimeout(resolve, ms);
  left.addEventListener("abort", () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}
