import { type PriorityName, priorities } from "../domain/task.ts";
import { type Follower, hasEnded } from "./follow.ts";
import { jsonOf, type Output, toneOf } from "./output.ts";
import { cut, printable, printableLines } from "./printable.ts";
import { between, localTime, preciseTime, relative } from "./times.ts";
import type { WireAttempt, WireLogLine, WireTask } from "./wire.ts";

/** Shows a task as it goes, on one line of a terminal what changes often. */
export class TaskView implements Follower {
  readonly #output: Output;
  #last = "";

  constructor(output: Output) {
    this.#output = output;
  }

  state(task: WireTask): void {
    const words = stateInWords(task);
    // A task may be told in the same state more than once; what it does meanwhile is its progress.
    if (`${words} ${task.started_at}` !== this.#last) this.#output.line(this.#output.paint(toneOf(task.status), words));
    this.#last = `${words} ${task.started_at}`;
    if (task.progress !== null && task.status === "running") this.progress(task);
    if (task.status === "completed") this.#output.line(jsonOf(task.result));
  }

  progress({ progress }: WireTask): void {
    if (progress !== null) this.#output.status(progressBar(progress.fraction, progress.message));
  }

  log(line: WireLogLine): void {
    this.#output.line(...logLines(line, this.#output));
  }

  lost(): void {
    this.#output.note("The server is away; the task is safe with it. Trying again …");
  }

  found(): void {
    this.#output.note("The server is back.");
  }
}

/** A line of a task's log, with those it runs over. */
export function logLines({ time, level, message }: WireLogLine, output: Output): readonly string[] {
  const tone = level === "error" || level === "warn" ? "bad" : "quiet";
  const head = `${preciseTime(time)}  ${output.paint(tone, level.slice(0, 5).padEnd(5))}  `;
  return printableLines(message).map((line, index) => (index === 0 ? head : " ".repeat(21)) + line);
}

export function progressBar(fraction: number, message: string | null, width = 20): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  const percent = `${Math.floor(fraction * 100)}`.padStart(3);
  return `[${"#".repeat(full)}${".".repeat(width - full)}] ${percent} % ${printable(message ?? "")}`.trimEnd();
}

/** Everything about a task, for someone who asked for it. */
export function showTask(task: WireTask, attempts: readonly WireAttempt[], output: Output, now: number): void {
  const { args, kwargs, result, error, error_kind, progress, started_at, completed_at } = task;
  const time = (iso: string) => `${localTime(iso)}  ${output.paint("quiet", relative(iso, now))}`;
  output.line(output.paint("strong", printable(task.func_name)), "");
  fields(output, {
    task: task.task_id,
    status: output.paint(toneOf(task.status), stateInWords(task)),
    args: args.length === 0 ? null : block(jsonOf(args), output),
    kwargs: block(jsonOf(kwargs), output),
    priority: priorityName(task.priority),
    timeout: `${task.timeout} s`,
    submitted: time(task.created_at),
    due: started_at === null && !hasEnded(task) ? time(task.run_at) : null,
    started: started_at === null ? null : time(started_at),
    ended: completed_at === null ? null : time(completed_at),
    periodic: task.periodic_task === null ? null : printable(task.periodic_task),
    progress: progress === null ? null : progressBar(progress.fraction, progress.message),
    result: task.status === "completed" ? block(jsonOf(result), output) : null,
    error: error === null ? null : block(printable(error), output),
    "error kind": error_kind,
  });
  if (attempts.length > 0) showAttempts(attempts, output);
}

/** Prints named values below each other; null ones are left out. */
export function fields(output: Output, values: Readonly<Record<string, string | null>>): void {
  const width = Math.max(...Object.keys(values).map((name) => name.length));
  for (const [name, value] of Object.entries(values)) {
    if (value !== null) output.line(`  ${output.paint("quiet", name.padEnd(width))}  ${value}`);
  }
}

/** A text that may be long: on a terminal some lines of it. */
export function block(text: string, output: Output): string {
  const shown = cut(text, output.width * 8);
  return shown === text ? text : `${shown} (--json prints all of it)`;
}

export function priorityName(priority: number): string {
  const name = priorityNames.find((known) => priorities[known] === priority);
  return name ?? String(priority);
}

export const priorityNames = Object.keys(priorities).filter((name): name is PriorityName => name in priorities);

function showAttempts(attempts: readonly WireAttempt[], output: Output): void {
  output.line("");
  output.table(
    ["attempt", "started", "took", "outcome", "worker", "error"],
    attempts.map(({ number, started_at, ended_at, outcome, worker, error }) => [
      String(number),
      localTime(started_at),
      ended_at === null ? "" : between(started_at, ended_at),
      { text: outcome ?? "running", tone: toneOf(outcome ?? "running") },
      printable(worker ?? ""),
      printable(error ?? ""),
    ]),
    "error",
  );
}

function stateInWords(task: WireTask): string {
  const { status, run_at, started_at, completed_at, retry_count, max_retries, error } = task;
  const attempt = `attempt ${retry_count + 1} of ${max_retries + 1}`;
  const took = started_at === null || completed_at === null ? "" : ` after ${between(started_at, completed_at)}`;
  switch (status) {
    case "pending":
      return `pending until ${localTime(run_at)}`;
    case "running":
      return `running, ${attempt}`;
    case "retrying":
      return `retrying, ${attempt} at ${localTime(run_at)}: ${printable(error ?? "")}`;
    case "completed":
      return `completed${took}`;
    case "failed":
      return `failed${took}: ${printable(error ?? "")}`;
    case "cancelled":
      return "cancelled";
    default:
      return printable(status);
  }
}
