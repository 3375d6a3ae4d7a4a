/**
 * The entry of a worker process. The server starts it with its own process id and the path of the copies of
 * the tasks folder, but for their number, as arguments.
 */

import type { LoadReport, ParentMessage, RunRequest } from "./protocol.ts";
import { Attempt, currentAttempt, endedAttempts, runningAttempts } from "./worker-attempt.ts";
import { Cells } from "./worker-cells.ts";
import { openChannel } from "./worker-channel.ts";
import { captureOutput } from "./worker-console.ts";
import { dieBeforeServer, dieWithParent } from "./worker-lifeline.ts";
import { loadHandler, provideTaskflow, type Run } from "./worker-load.ts";
import { describeThrown } from "./worker-thrown.ts";

type LoadFault = Extract<LoadReport, { status: "load_error" }>["error"];
type LoadMessage = Extract<ParentMessage, { type: "load" }>;

const [parentPid, trees = ""] = process.argv.slice(2);
dieWithParent(Number(parentPid));
dieBeforeServer();

const handlers = new Map<string, { readonly file: string; readonly code: Run | LoadFault }>();
/** Attempts to begin, in their order. Some may be run elsewhere by then. */
const waiting: RunRequest[] = [];
let concurrency = 0;
let cells: Cells | null = null;
let attemptsRun = 0;
let uncaughtErrors = 0;
let lastRemedy: string | null = null;
/** An interval that throws must not fill the server's log. */
const mostUncaughtErrors = 20;

const channel = openChannel(receive);
captureOutput(trees);
provideTaskflow();
process.on("uncaughtException", uncaught);
process.on("unhandledRejection", uncaught);
process.on("exit", exiting);

function receive(message: ParentMessage): void {
  switch (message.type) {
    case "run":
      waiting.push(...message.runs);
      beginNext();
      return;
    case "abort":
      runningAttempts.get(message.id)?.abort(message.reason);
      return;
    case "ping":
      channel.send({ type: "pong", id: message.id });
      return;
    case "load":
      void load(message);
      return;
    default:
      message satisfies never;
  }
}

async function load(message: LoadMessage): Promise<void> {
  concurrency = message.concurrency;
  if (message.cells !== null) cells = Cells.find(message.cells);
  for (const [index, { name, file, tree }] of message.handlers.entries()) {
    const { report, run } = await loadHandler(trees, tree, file);
    handlers.set(name, { file, code: run ?? report.error });
    channel.send({ type: "loaded", index, report });
  }
  channel.send({ type: "ready" });
}

function beginNext(): void {
  while (runningAttempts.size < concurrency) {
    const request = waiting.shift();
    if (request === undefined) return;
    if (!request.isOffered || cells?.take(request.id)) start(request);
  }
}

/** What an attempt left behind comes up before the next one begins, and so does what the server has to say. */
function beginNextSoon(): void {
  if (waiting.length > 0) currentAttempt.exit(() => setImmediate(beginNext));
}

function start(request: RunRequest): void {
  attemptsRun += 1;
  const { file = null, code = null } = handlers.get(request.funcName) ?? {};
  const attempt = new Attempt(request.id, file, channel.send, beginNextSoon);
  if (typeof code === "function") {
    void attempt.run(code, request, trees);
    return;
  }
  const error = `LoadError: ${code === null ? `no handler '${request.funcName}'` : where(code)}`;
  attempt.end({ kind: "failed", errorKind: "load_error", error, stack: null });
}

function where({ file, line, message }: LoadFault): string {
  return `${file}${line === null ? "" : `:${line}`}: ${message}`;
}

/** An error that no code caught: whoever it is of fails with it, and the worker makes room for a sound one. */
function uncaught(thrown: unknown): void {
  const { error, stack } = describeThrown(thrown, trees);
  const suspected = suspects(stack ?? "");
  // Before the first attempt a fresh worker would fare no better.
  const remedy = suspected.length > 1 ? "kill" : attemptsRun > 0 ? "retire" : "none";
  uncaughtErrors += 1;
  if (remedy !== lastRemedy || uncaughtErrors <= mostUncaughtErrors) {
    channel.send({ type: "uncaught", error, stack, remedy, suspects: suspected });
  }
  lastRemedy = remedy;
  const culprit = runningAttempts.get(suspected[0] ?? -1);
  if (culprit !== undefined && suspected.length === 1) {
    culprit.end({ kind: "failed", errorKind: "crashed", error, stack });
  }
}

function exiting(): void {
  if (!process.connected) return;
  for (const attempt of runningAttempts.values()) attempt.lines.flush();
  channel.send({ type: "exiting", suspects: suspects("") });
}

/**
 * Ids of the attempts that the present code may belong to, none when it is of no running one. The async context knows it
 * of a timer or a callback, also of one that an ended attempt left behind. Of a rejected promise it knows nothing: then
 * the stack may name a handler, and an attempt that has ended is as suspect as one that runs.
 */
function suspects(stack: string): number[] {
  const owner = currentAttempt.getStore();
  if (owner !== undefined) return owner.running ? [owner.id] : [];
  const named = new Set([...handlers.values()].map(({ file }) => file).filter((file) => mentions(stack, file)));
  const isNamed = (file: string | null) => named.size === 0 || (file !== null && named.has(file));
  const running = [...runningAttempts.values()].filter(({ file }) => isNamed(file)).map(({ id }) => id);
  const ended = [...endedAttempts].filter(([file]) => isNamed(file)).map(([, id]) => id);
  return running.length === 0 ? [] : [...running, ...ended];
}

function mentions(stack: string, file: string): boolean {
  return stack.includes(`(${file}:`) || stack.includes(` ${file}:`);
}
