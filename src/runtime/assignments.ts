import type { JsonText } from "../domain/task.ts";
import type { Outcome } from "../domain/transition.ts";
import type { AttemptListener } from "../engine/runner.ts";
import { type Cause, outcomeOfDeath, type Part } from "./death.ts";
import type { ChildMessageOf, EndReport } from "./protocol.ts";
import { maxLines } from "./worker-limits.ts";

interface Assignment {
  readonly taskId: string;
  readonly listener: AttemptListener;
  lines: number;
}

/** The attempts that one worker runs, by their id on its channel. Each is told its end once. */
export class Assignments {
  readonly #worker: string;
  readonly #running = new Map<number, Assignment>();
  /** Those that ended for the server while their handler still runs. */
  readonly #abandoned = new Set<number>();

  constructor(worker: string) {
    this.#worker = worker;
  }

  get size(): number {
    return this.#running.size;
  }

  get taskIds(): readonly string[] {
    return [...this.#running.values()].map(({ taskId }) => taskId);
  }

  has(id: number): boolean {
    return this.#running.has(id);
  }

  add(id: number, taskId: string, listener: AttemptListener): void {
    this.#running.set(id, { taskId, listener, lines: 0 });
  }

  log({ id, lines }: ChildMessageOf<"log">): void {
    const attempt = this.#running.get(id);
    if (attempt === undefined) return;
    attempt.lines += lines.length;
    // The worker cuts the log itself; more than that is nothing it would send of its own.
    if (attempt.lines > maxLines + 1) return;
    for (const { level, message } of lines) attempt.listener.log(level, message);
  }

  progress({ id, fraction, message }: ChildMessageOf<"progress">): void {
    this.#running.get(id)?.listener.progress({ fraction, message });
  }

  /** Ends an attempt as its worker reports; the result of one that was abandoned comes late, and finds nobody. */
  end({ id, outcome }: ChildMessageOf<"ended">): "ended" | "late" | "unknown" {
    if (this.#abandoned.delete(id)) return "late";
    return this.#end(id, outcomeOf(outcome)) ? "ended" : "unknown";
  }

  /** Ends an attempt without its worker, where its handler runs on. */
  abandon(id: number): void {
    this.#abandoned.add(id);
    this.#end(id, { kind: "interrupted", reason: "the attempt did not stop and was abandoned", workerDied: false });
  }

  /**
   * Ends all attempts of a worker that died.
   * @param suspects those that may have made it, as far as the worker could say; else all that it had.
   */
  endAll(cause: Cause, suspects: readonly number[] | null, stderr: string): void {
    const suspected = new Set(suspects ?? [...this.#running.keys(), ...this.#abandoned]);
    for (const [id, { listener }] of this.#running) {
      const part = partOf(id, suspected);
      if (part === "culprit" && cause.kind === "fault") logLines(listener, stderr);
      this.#end(id, outcomeOfDeath(cause, part));
    }
  }

  #end(id: number, outcome: Outcome): boolean {
    const attempt = this.#running.get(id);
    if (attempt === undefined) return false;
    this.#running.delete(id);
    attempt.listener.ended(outcome, this.#worker);
    return true;
  }
}

function outcomeOf(report: EndReport): Outcome {
  if (report.kind === "failed") return report;
  // The worker made it with JSON.stringify; to parse it here would be to let a handler spend the server's time.
  return { kind: "completed", result: report.result as JsonText | null };
}

function partOf(id: number, suspects: ReadonlySet<number>): Part {
  if (!suspects.has(id)) return "innocent";
  return suspects.size === 1 ? "culprit" : "suspect";
}

function logLines(listener: AttemptListener, text: string): void {
  for (const line of text.split("\n")) {
    if (line.trim() !== "") listener.log("error", line);
  }
}
