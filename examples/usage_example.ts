/**
 * A tour of TaskFlow's REST API, to be read from top to bottom. Start a server, then:
 *
 *     bun examples/usage_example.ts
 *
 * TASKFLOW_URL says where the server is (http://127.0.0.1:8000), TASKFLOW_API_KEY is sent to one that wants a key.
 * `--clear-queue` ends the tour by cancelling everything that waits, whoever submitted it.
 */
import { setTimeout as sleep } from "node:timers/promises";

const server = (process.env.TASKFLOW_URL || "http://127.0.0.1:8000").replace(/\/+$/, "");
const key = process.env.TASKFLOW_API_KEY;
const api = "/api/v1";

async function tour(): Promise<void> {
  if (!/^https?:$/.test(URL.parse(server)?.protocol ?? ""))
    throw new Error(`TASKFLOW_URL is no web address: ${server}`);
  await lookAround();
  await submitAndWait();
  await submitForLater();
  await submitMany();
  await list();
  await cancel();
  await failAndRetry();
  await repeat();
  await readErrors();
  await measure();
  if (process.argv.includes("--clear-queue")) await clearQueue();
  else tell("Clear the queue", "left out: --clear-queue cancels everything that waits");
  console.log("\nThat was all of it.");
}

async function lookAround(): Promise<void> {
  const { status, workers } = await get<Health>("/health");
  tell("Health", `${server} is ${status}, with ${workers.num_workers} workers`);

  const handlers = await get<Handler[]>(`${api}/handlers`);
  for (const { name, description, error } of handlers) tell("Handlers", name, description ?? error?.message ?? "");
  const ready = handlers.filter((handler) => handler.status === "ready").map(({ name }) => name);
  const missing = ["add_numbers", "hello_world", "random_failure", "slow_task"].filter((name) => !ready.includes(name));
  if (missing.length > 0) throw new Error(`The tour needs these handlers, which ship with TaskFlow: ${missing}`);
}

async function submitAndWait(): Promise<void> {
  const byName = await submit({ func_name: "add_numbers", kwargs: { a: 5, b: 3 } });
  const byPosition = await submit({ func_name: "add_numbers", args: [20, 22] });
  tell("Submit", "kwargs bind by name", `5 + 3 = ${(await finished(byName)).result}`);
  tell("Submit", "args bind by position", `20 + 22 = ${(await finished(byPosition)).result}`);

  // Each of these overrides what the handler says for itself.
  const urgent = await submit({
    func_name: "slow_task",
    kwargs: { duration: 0.3 },
    priority: "critical",
    timeout: 10,
    max_retries: 1,
  });
  const { result, priority, timeout, max_retries } = await finished(urgent);
  tell("Submit", "with options", `${result} (priority ${priority}, timeout ${timeout}s, ${max_retries} retry)`);

  const greeting = await finished(await submit({ func_name: "hello_world", kwargs: { name: "TaskFlow" } }));
  for (const { level, message } of await get<LogLine[]>(`${api}/tasks/${greeting.task_id}/logs`)) {
    tell("Logs", level, message);
  }
}

async function submitForLater(): Promise<void> {
  const delayed = await submit({ func_name: "hello_world", args: ["delay"], delay: 0.3 });
  const timed = await submit({
    func_name: "hello_world",
    args: ["run_at"],
    run_at: new Date(Date.now() + 300).toISOString(),
  });
  for (const task of [delayed, timed]) {
    const { result, run_at, started_at } = await finished(task);
    const lateMs = Date.parse(started_at ?? "") - Date.parse(run_at);
    tell("Later", `${result}: ${task.status} at first`, `started ${lateMs} ms after it was due`);
  }
}

async function submitMany(): Promise<void> {
  const numbers = [1, 2, 3, 4, 5];
  const { tasks } = await post<{ tasks: Task[] }>(`${api}/tasks/batch`, {
    tasks: numbers.map((n) => ({ func_name: "add_numbers", args: [n, n], priority: "low" })),
  });
  const results = (await Promise.all(tasks.map(finished))).map(({ result }) => result);
  tell("Batch", `${tasks.length} tasks in one request, all or none`, results.join(", "));
}

async function list(): Promise<void> {
  const [newest] = await get<Task[]>(`${api}/tasks?limit=1`);
  tell("List", "the newest task", `${newest?.func_name}, ${newest?.status}`);

  // The server says where the next page is; three of them are enough here.
  let page: string | null = `${api}/tasks?status=completed&func_name=add_numbers&limit=3`;
  for (let number = 1; page !== null && number <= 3; number += 1) {
    const response = await call("GET", page);
    const tasks: Task[] = await response.json();
    tell("List", `page ${number} of completed add_numbers`, tasks.map(({ result }) => result).join(", "));
    page = nextPage(response);
  }
}

async function cancel(): Promise<void> {
  const waiting = await submit({ func_name: "hello_world", args: ["again"], delay: 3600 });
  const cancelled = await post<Task>(`${api}/tasks/${waiting.task_id}/cancel`);
  tell("Cancel", `a task that is ${waiting.status}`, `${cancelled.status} at once`);

  const running = await reached(await submit({ func_name: "slow_task", kwargs: { duration: 60 } }), "running");
  const answer = await post<Task>(`${api}/tasks/${running.task_id}/cancel`);
  // A running handler is told to stop; one that does not heed it is killed after a grace.
  tell("Cancel", `a task that is ${running.status}`, `${answer.status}, then ${(await finished(running)).status}`);

  const again = await post<Task>(`${api}/tasks/${waiting.task_id}/retry`);
  const { result } = await finished(again);
  tell("Retry", "a new task with the input of a cancelled one", `${result}`);
}

async function failAndRetry(): Promise<void> {
  const failing = await submit({ func_name: "random_failure", kwargs: { failure_rate: 1 }, max_retries: 1 });
  const failed = await finished(failing);
  tell("Failure", `${failed.status} after ${failed.retry_count} retry`, `${failed.error}`);
  for (const { number, outcome, error } of await get<Attempt[]>(`${api}/tasks/${failed.task_id}/attempts`)) {
    tell("Attempts", `${number}: ${outcome}`, `${error}`);
  }

  const endless = await submit({ func_name: "slow_task", kwargs: { duration: 60 }, timeout: 0.3, max_retries: 0 });
  const timedOut = await finished(endless);
  tell("Timeout", `${timedOut.status}, error_kind ${timedOut.error_kind}`, `${timedOut.error}`);
}

async function repeat(): Promise<void> {
  const { name, upcoming } = await post<Periodic>(`${api}/periodic-tasks`, {
    name: "tour",
    func_name: "hello_world",
    kwargs: { name: "the week" },
    cron_expression: "0 9 * * MON",
    timezone: "Europe/Berlin",
  });
  tell("Periodic tasks", "each Monday at 9 in Berlin", `next at ${upcoming.join(", ")}`);

  const path = `${api}/periodic-tasks/${encodeURIComponent(name)}`;
  const triggered = await post<Task>(`${path}/trigger`);
  tell("Periodic tasks", "triggered now", `${(await finished(triggered)).result}`);

  const paused: Periodic = await (await call("PATCH", path, { enabled: false })).json();
  tell("Periodic tasks", "paused", `next at ${paused.next_run}`);
  const { message }: { message: string } = await (await call("DELETE", path)).json();
  tell("Periodic tasks", message);
}

async function readErrors(): Promise<void> {
  const mistakes: [string, string, unknown?][] = [
    ["a handler that is not there", `${api}/tasks`, { func_name: "add_numbesr" }],
    ["input that does not fit", `${api}/tasks`, { func_name: "add_numbers", kwargs: { a: "five" } }],
    ["a retry of what is completed", `${api}/tasks/${(await finished(await submit(greeting))).task_id}/retry`],
  ];
  for (const [mistake, path, body] of mistakes) {
    try {
      await post(path, body);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // `code` is for programs and never changes; `detail` is for people.
      tell("Errors", mistake, `${error.problem.status} ${error.problem.code}: ${error.problem.detail}`);
    }
  }
}

async function measure(): Promise<void> {
  const { queue, handlers } = await get<Metrics>(`${api}/metrics`);
  const { completed_count, failed_count, cancelled_count, pending_count } = queue;
  const ended = `${completed_count} completed, ${failed_count} failed, ${cancelled_count} cancelled`;
  tell("Metrics", `${pending_count} waiting to run`, ended);
  tell("Metrics", "add_numbers runs for", `${milliseconds(handlers.add_numbers?.run.p95)} at most, 95 times of 100`);
}

async function clearQueue(): Promise<void> {
  await submit({ ...greeting, delay: 3600 });
  const { message } = await post<{ message: string }>(`${api}/system/clear-queue`);
  tell("Clear the queue", message);
}

const greeting: Submission = { func_name: "hello_world" };

interface Submission {
  func_name: string;
  args?: unknown[];
  kwargs?: Record<string, unknown>;
  priority?: "critical" | "high" | "normal" | "low";
  max_retries?: number;
  timeout?: number;
  delay?: number;
  run_at?: string;
}

type Status = "pending" | "queued" | "running" | "retrying" | "completed" | "failed" | "cancelled";

/** A task as the server answers it, as far as the tour looks at it. */
interface Task {
  task_id: string;
  func_name: string;
  status: Status;
  priority: number;
  run_at: string;
  started_at: string | null;
  result: unknown;
  error: string | null;
  error_kind: string | null;
  retry_count: number;
  max_retries: number;
  timeout: number;
}

type Health = { status: string; workers: { num_workers: number } };
type Handler = { name: string; status: string; description: string | null; error: { message: string } | null };
type Attempt = { number: number; outcome: string | null; error: string | null };
type Periodic = { name: string; next_run: string | null; upcoming: string[] };
type LogLine = { level: string; message: string };
type Metrics = { queue: Record<string, number>; handlers: Record<string, { run: { p95: number | null } }> };

/** How TaskFlow answers every error: RFC 9457. */
type Problem = { status: number; code: string; detail: string };

class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.status} ${problem.code}: ${problem.detail}`);
    this.problem = problem;
  }
}

function submit(submission: Submission): Promise<Task> {
  return post<Task>(`${api}/tasks`, submission);
}

function finished(task: Task): Promise<Task> {
  return reached(task, "completed", "failed", "cancelled");
}

/** Asks for the task until it is in one of `statuses`. The WebSocket tells it unasked: see websocket_client.ts. */
async function reached({ task_id }: Task, ...statuses: Status[]): Promise<Task> {
  const deadline = Date.now() + 60_000;
  for (let waitMs = 20; Date.now() < deadline; waitMs = Math.min(waitMs * 1.5, 500)) {
    const task = await get<Task>(`${api}/tasks/${task_id}`);
    if (statuses.includes(task.status)) return task;
    await sleep(waitMs);
  }
  throw new Error(
    `Task ${task_id} was not ${statuses.join(" or ")} within a minute. Are there workers, and free ones?`,
  );
}

async function get<Answer>(path: string): Promise<Answer> {
  return (await call("GET", path)).json();
}

async function post<Answer>(path: string, body?: unknown): Promise<Answer> {
  return (await call("POST", path, body)).json();
}

async function call(method: string, path: string, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = {};
  if (key) headers.authorization = `Bearer ${key}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const init: RequestInit = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
  const response = await fetch(new URL(path, server), init).catch((cause: unknown) => {
    throw new Error(`There is no TaskFlow at ${server}. Start one, or set TASKFLOW_URL to where it is.`, { cause });
  });
  if (response.status === 401) throw new Error(`${server} wants a valid key: set TASKFLOW_API_KEY.`);
  if (response.ok) return response;
  const isProblem = response.headers.get("content-type") === "application/problem+json";
  if (!isProblem)
    throw new Error(`${server}${path} answered ${response.status}. Is that a TaskFlow, and a healthy one?`);
  throw new ApiError(await response.json());
}

/** The path in `Link: </api/v1/tasks?cursor=…>; rel="next"`, or null on the last page. */
function nextPage(response: Response): string | null {
  const link = /<([^>]+)>; rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
  if (link === undefined) return null;
  const { pathname, search } = new URL(link, server);
  return pathname + search;
}

let chapter = "";

function tell(title: string, what: string, outcome = ""): void {
  if (title !== chapter) console.log(`\n${title}`);
  chapter = title;
  const line = `  ${what.padEnd(45)} ${outcome}`.trimEnd();
  console.log(line.length > 140 ? `${line.slice(0, 139)}…` : line);
}

function milliseconds(seconds: number | null | undefined): string {
  return seconds === null || seconds === undefined ? "nobody knows how long" : `${Math.round(seconds * 1000)} ms`;
}

try {
  await tour();
} catch (error) {
  console.error(error instanceof Error ? `\n${error.message}` : error);
  process.exit(1);
}
