import { type Command, Option } from "commander";
import { statuses } from "../domain/task.ts";
import { addServerCommand, type ServerOptions, type Session, withServer } from "./command.ts";
import { exitCodes } from "./failure.ts";
import { type Follower, follow } from "./follow.ts";
import { jsonOf, toneOf } from "./output.ts";
import { cut, printable } from "./printable.ts";
import { listOf } from "./shape.ts";
import { logLines, priorityNames, showTask, TaskView } from "./task-view.ts";
import { between, briefTime, relative } from "./times.ts";
import { jsonArray, jsonObject, jsonText, objectOf, seconds, time, wholeNumber } from "./values.ts";
import { isAttempt, isLogLine, isTask, type WireTask } from "./wire.ts";

export interface InputOptions {
  readonly kwargs?: string;
  readonly args?: string;
  readonly priority?: string;
  readonly maxRetries?: number;
  readonly timeout?: number;
}

/** Adds what is done with single tasks. */
export function addTaskCommands(program: Command): void {
  addSubmit(program);
  addList(program);
  addShow(program);
  addServerCommand(program, "cancel <id>", "Cancel a task, also one that runs", ["cancel 0198c5a8-…"]).action(
    (id: string, options: ServerOptions) => withServer(options, (session) => cancel(session, id)),
  );
  addServerCommand(program, "retry <id>", "Submit the input of a failed or cancelled task again", [
    "retry 0198c5a8-… --wait",
  ])
    .option("--wait", "follow the new task to its end")
    .action((id: string, options: ServerOptions & { wait?: true }) =>
      withServer(options, (session) => submitted(session, `${pathOf(id)}/retry`, undefined, options.wait)),
    );
}

/** Adds the options that say what a handler gets, and how it is run. */
export function withInput(command: Command): Command {
  return command
    .option("--kwargs <json>", "input by name, a JSON object", jsonObject)
    .option("--args <json>", "input by position, a JSON array", jsonArray)
    .addOption(new Option("--priority <name>", "which runs first (default: the handler's)").choices(priorityNames))
    .option("--max-retries <n>", "attempts after the first (default: the handler's)", wholeNumber(0, 100))
    .option("--timeout <seconds>", "what one attempt may take (default: the handler's)", seconds);
}

/** Those options as members of a request, by their texts. */
export function inputMembers({ kwargs, args, priority, maxRetries, timeout }: InputOptions) {
  return {
    kwargs,
    args,
    priority: jsonText(priority),
    max_retries: jsonText(maxRetries),
    timeout: jsonText(timeout),
  };
}

/** Follows a task to its end, prints what happens, and lets the exit code say how it ended. */
export async function waitFor({ client, output, isJson }: Session, taskId: string): Promise<void> {
  const leave = () => {
    output.note(`\nThe task goes on. taskflow show ${taskId} --follow follows it, taskflow cancel ${taskId} ends it.`);
    process.exit(exitCodes.interrupted);
  };
  process.once("SIGINT", leave);
  const { status } = await follow(client, taskId, isJson ? silent : new TaskView(output));
  process.off("SIGINT", leave);
  if (isJson) output.json((await client.call(pathOf(taskId), isTask)).text);
  process.exitCode = status === "completed" ? exitCodes.ok : exitCodes.refused;
}

interface SubmitOptions extends ServerOptions, InputOptions {
  readonly delay?: number;
  readonly runAt?: string;
  readonly wait?: true;
}

function addSubmit(program: Command): void {
  const command = addServerCommand(program, "submit <name>", "Submit a task to a handler", [
    `submit add_numbers --kwargs '{"a": 5, "b": 3}' --wait`,
    `submit shout --args '["hello"]' --priority high`,
    "submit database_backup --delay 3600",
    "submit database_backup --run-at 2026-03-28T02:00",
  ]);
  withInput(command)
    .option("--delay <seconds>", "wait so long before it runs", seconds)
    .addOption(new Option("--run-at <time>", "run it then, by the local clock").argParser(time).conflicts("delay"))
    .option("--wait", "follow it to its end, and exit with 1 unless it completed")
    .action((name: string, options: SubmitOptions) => {
      const body = objectOf({
        func_name: jsonText(name),
        ...inputMembers(options),
        delay: jsonText(options.delay),
        run_at: jsonText(options.runAt),
      });
      return withServer(options, (session) => submitted(session, "/api/v1/tasks", body, options.wait));
    });
}

/** Makes a task by a POST, says its id, and follows it if that is asked for. */
async function submitted(session: Session, path: string, body: string | undefined, wait: true | undefined) {
  const { client, output, isJson } = session;
  const { text, value } = await client.call(path, isTask, { method: "POST", ...(body === undefined ? {} : { body }) });
  if (!isJson) output.line(`${printable(value.func_name)}  ${value.task_id}`);
  if (wait) await waitFor(session, value.task_id);
  else if (isJson) output.json(text);
}

interface ListOptions extends ServerOptions {
  readonly status?: string;
  readonly handler?: string;
  readonly limit: number;
}

function addList(program: Command): void {
  addServerCommand(program, "list", "List tasks, the newest first", [
    "list",
    "list --status failed --handler send_email --limit 100",
    "list --json --limit 5000 | jq -r '.[].task_id'",
  ])
    .addOption(new Option("--status <status>", "only those in this state").choices(statuses))
    .option("--handler <name>", "only those of this handler")
    .option("--limit <n>", "how many at most", wholeNumber(1, 1_000_000), 20)
    .action((options: ListOptions) => withServer(options, (session) => list(session, options)));
}

async function list({ client, output, isJson }: Session, { status, handler, limit }: ListOptions): Promise<void> {
  const query = {
    ...(status === undefined ? {} : { status }),
    ...(handler === undefined ? {} : { func_name: handler }),
  };
  const { text, tasks, hasMore } = await client.list(query, limit);
  if (isJson) return output.json(text);
  if (tasks.length === 0) return output.note("There are no such tasks.");
  const now = Date.now();
  // On a narrow terminal the times give way: what became of a task matters more.
  const isWide = output.width >= 100;
  output.table(
    ["task", "handler", "status", ...(isWide ? ["submitted", "took"] : []), "outcome"],
    tasks.map((task) => [
      task.task_id,
      cut(printable(task.func_name), isWide ? 40 : 14),
      { text: printable(task.status), tone: toneOf(task.status) },
      ...(isWide ? [briefTime(task.created_at, now), took(task, now)] : []),
      outcomeOf(task, now),
    ]),
    "outcome",
  );
  if (hasMore) output.note(`There are more: --limit ${limit * 10}`);
}

interface ShowOptions extends ServerOptions {
  readonly logs?: true;
  readonly follow?: true;
}

function addShow(program: Command): void {
  addServerCommand(program, "show <id>", "Show a task: input, state, attempts, result", [
    "show 0198c5a8-…",
    "show 0198c5a8-… --logs",
    "show 0198c5a8-… --follow",
  ])
    .option("--logs", "with what it has logged")
    .option("--follow", "follow it to its end, with its log, and exit with 1 unless it completed")
    .action((id: string, options: ShowOptions) => withServer(options, (session) => show(session, id, options)));
}

async function show(session: Session, id: string, options: ShowOptions): Promise<void> {
  const { client, output, isJson } = session;
  const { text, value: task } = await client.call(pathOf(id), isTask);
  if (options.follow) {
    if (!isJson) output.line(`${printable(task.func_name)}  ${task.task_id}`);
    return waitFor(session, task.task_id);
  }
  const logs = options.logs ? await client.call(`${pathOf(id)}/logs`, listOf(isLogLine)) : null;
  if (isJson) {
    // As one document: the task, with its log as a member more.
    return output.json(logs === null ? text : `${text.trim().slice(0, -1)},"logs":${logs.text}}`);
  }
  const attempts = await client.call(`${pathOf(id)}/attempts`, listOf(isAttempt));
  showTask(task, attempts.value, output, Date.now());
  if (logs === null) return;
  output.line("", ...(logs.value.length === 0 ? ["It has logged nothing."] : []));
  for (const line of logs.value) output.line(...logLines(line, output));
}

async function cancel({ client, output, isJson }: Session, id: string): Promise<void> {
  const { text, value: task } = await client.call(`${pathOf(id)}/cancel`, isTask, { method: "POST" });
  if (isJson) return output.json(text);
  const done = task.status === "cancelled" ? "Cancelled" : "It runs, and is being ended:";
  output.line(`${done} ${printable(task.func_name)}  ${task.task_id}`);
}

function pathOf(id: string): string {
  return `/api/v1/tasks/${encodeURIComponent(id)}`;
}

function took({ started_at, completed_at, status }: WireTask, now: number): string {
  if (started_at === null) return "";
  if (completed_at !== null) return between(started_at, completed_at);
  return status === "running" ? between(started_at, new Date(now).toISOString()) : "";
}

function outcomeOf({ status, result, error, progress, run_at }: WireTask, now: number): string {
  if (status === "completed") return jsonOf(result);
  if (status === "pending") return `due ${relative(run_at, now)}`;
  if (status === "running" && progress !== null) return `${Math.floor(progress.fraction * 100)} %`;
  return printable(error ?? "");
}

const silent: Follower = {
  state: () => undefined,
  progress: () => undefined,
  log: () => undefined,
  lost: () => undefined,
  found: () => undefined,
};
