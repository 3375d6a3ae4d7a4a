import type { JsonText } from "../domain/task.ts";
import type { Outcome } from "../domain/transition.ts";
import type { AttemptListener } from "../engine/runner.ts";
import type { Assignment, Host } from "./assignment.ts";
import { type Cause, outcomeOfDeath, type Part } from "./death.ts";
import type { ChildMessageOf, EndReport } from "./protocol.ts";
import { type Cells, cellCount } from "./worker-cells.ts";
import { maxLines } from "./worker-limits.ts";

/** Attempts that may wait in a worker for those that it runs. */
const depth = 31;

/** The attempts that one worker has, by their id on its channel: it begins them in their order. Each is told its end once. */
export class Assignments {
  readonly #host: Host;
  readonly #concurrency: number;
  /** Those that have begun, as far as is known. */
  readonly #running = new Map<number, Assignment>();
  readonly #waiting = new Map<number, Assignment>();
  /** Those that ended for the server while their handler still runs. */
  readonly #abandoned = new Set<number>();
  #cells: Cells | null = null;
  #nextId = 0;
  #begun = 0;
  #ended = 0;
  /** Those that are not quick. */
  #slow = 0;
  /** What had begun and ended at the last look. */
  #movesSeen = -1;
  /** What it runs takes longer than anybody should wait for. */
  #isStuck = false;

  constructor(host: Host, concurrency: number) {
    this.#host = host;
    this.#concurrency = concurrency;
  }

  /** Those that run. */
  get running(): number {
    return this.#running.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** All that it has. */
  get size(): number {
    return this.#running.size + this.#waiting.size;
  }

  /** Those that it can begin at once. */
  get free(): number {
    return Math.max(0, this.#concurrency - this.size);
  }

  /** Quick ones that it can take beyond these, to wait. */
  get ahead(): number {
    if (this.#cells === null || this.#slow > 0 || this.#isStuck) return 0;
    const [oldest = this.#nextId] = this.#waiting.keys();
    const cellsLeft = oldest + cellCount - this.#nextId - this.free;
    return Math.max(0, Math.min(this.#concurrency + depth - this.size - this.free, cellsLeft));
  }

  /** Those that have begun, ever. */
  get begun(): number {
    return this.#begun;
  }

  /** Of those that run. */
  get taskIds(): readonly string[] {
    return [...this.#running.values()].map(({ request }) => request.taskId);
  }

  /** Others may wait from now on, in these cells. */
  waitIn(cells: Cells): void {
    this.#cells = cells;
  }

  has(id: number): boolean {
    return this.#running.has(id) || this.#waiting.has(id);
  }

  /** Takes one in, and says by which id; it begins at once when there is room. */
  add(assignment: Assignment): { readonly id: number; readonly isOffered: boolean } {
    const id = this.#nextId++;
    const begins = this.free > 0;
    assignment.goTo(this.#host, id);
    if (!assignment.request.isQuick) this.#slow += 1;
    this.#cells?.offer(id);
    if (begins) this.#begin(id, assignment);
    else this.#waiting.set(id, assignment);
    return { id, isOffered: this.#cells !== null };
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

  /**
   * Ends an attempt as its worker reports, which begins the next; the result of one that was abandoned comes late, and
   * finds nobody.
   */
  end({ id, outcome, ms }: ChildMessageOf<"ended">): "ended" | "late" | "unknown" {
    if (this.#abandoned.delete(id)) return "late";
    if (!this.#end(id, outcomeOf(outcome), ms)) return "unknown";
    const next = this.#waiting.entries().next().value;
    if (next !== undefined && this.#running.size < this.#concurrency) this.#begin(...next);
    return "ended";
  }

  /** Ends an attempt without its worker, where its handler runs on. */
  abandon(id: number): void {
    this.#abandoned.add(id);
    const reason = "the attempt did not stop and was abandoned";
    this.#end(id, { kind: "interrupted", reason, workerDied: false }, null);
  }

  /** Takes one back, if it waits and its worker has not come to it yet. Says whether it did. */
  recall(id: number): boolean {
    const assignment = this.#waiting.get(id);
    if (assignment === undefined || this.#cells?.take(id) !== true) return false;
    this.#waiting.delete(id);
    this.#forget(assignment);
    return true;
  }

  /** Takes all back that can be, in their order. */
  recallAll(): readonly Assignment[] {
    return [...this.#waiting].filter(([id]) => this.recall(id)).map(([, assignment]) => assignment);
  }

  /** Takes back what waits, if nothing has begun or ended since the last call; then no more may wait until something does. */
  recallStuck(): readonly Assignment[] {
    const moves = this.#begun + this.#ended;
    this.#isStuck = moves === this.#movesSeen && this.#waiting.size > 0;
    this.#movesSeen = moves;
    return this.#isStuck ? this.recallAll() : [];
  }

  /**
   * Ends all attempts of a worker that died.
   * @param suspects those that may have made it, as far as the worker could say; else all that it had begun.
   */
  endAll(cause: Cause, suspects: readonly number[] | null, stderr: string): void {
    // What could not be taken back had begun, though the end of the one before it was never heard.
    for (const [id, assignment] of this.#waiting) this.#begin(id, assignment);
    const begun = [...this.#running.keys()].filter((id) => this.#cells?.take(id) !== true);
    const suspected = new Set(suspects ?? [...begun, ...this.#abandoned]);
    for (const [id, { listener }] of this.#running) {
      const part = partOf(id, suspected);
      if (part === "culprit" && cause.kind === "fault") logLines(listener, stderr);
      this.#end(id, outcomeOfDeath(cause, part), null);
    }
  }

  #begin(id: number, assignment: Assignment): void {
    this.#waiting.delete(id);
    this.#running.set(id, assignment);
    this.#begun += 1;
    assignment.listener.began();
  }

  #end(id: number, outcome: Outcome, ranMs: number | null): boolean {
    const assignment = this.#running.get(id);
    if (assignment === undefined) return false;
    this.#running.delete(id);
    this.#ended += 1;
    this.#isStuck = false;
    this.#forget(assignment);
    assignment.listener.ended(outcome, this.#host.id, ranMs);
    return true;
  }

  #forget({ request }: Assignment): void {
    if (!request.isQuick) this.#slow -= 1;
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
