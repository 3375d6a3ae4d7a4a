import type { AttemptListener, AttemptRequest, RunningAttempt, WorkerState } from "../engine/runner.ts";
import { Allowance } from "./allowance.ts";
import { Assignments } from "./assignments.ts";
import { type Child, type ChildSettings, type Exit, startChild } from "./child.ts";
import { type Cause, type Death, exitCause } from "./death.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Inflow } from "./inflow.ts";
import { residentBytes } from "./memory.ts";
import type { ChildMessage, ChildMessageOf, HandlerFile } from "./protocol.ts";
import { Deadline, within } from "./timing.ts";

export interface WorkerSettings extends ChildSettings {
  /** What it loads before it is ready. */
  readonly handlers: readonly HandlerFile[];
  /** That of the handlers. */
  readonly generation: number;
  /** Attempts at once. */
  readonly concurrency: number;
  /** Attempts after which it is replaced. */
  readonly maxAttempts: number;
  readonly memoryBytes: number;
  /** How long one file may take to load. */
  readonly loadDeadlineMs: number;
}

/** What a worker tells its pool. */
export interface WorkerEvents {
  ready(): void;
  /** An attempt ended. */
  freed(): void;
  /** The result of an attempt came that had been given up. */
  late(): void;
  /** It takes no more attempts. */
  retired(): void;
  ended(death: Death): void;
}

/** One child process of the pool, from its start to its end, and the attempts it runs. */
export class PoolWorker {
  readonly id: string;
  /** Resolves after its last attempt was told its end. */
  readonly ended: Promise<void>;
  readonly #settings: WorkerSettings;
  readonly #events: WorkerEvents;
  readonly #child: Child;
  readonly #startedAt: number;
  readonly #running: Assignments;
  readonly #allowance: Allowance;
  readonly #heartbeat: Heartbeat;
  readonly #inflow: Inflow;
  readonly #loadDeadline: Deadline;
  #phase: "starting" | "ready" | "retiring" = "starting";
  #attempts = 0;
  #loaded = 0;
  #rssBytes: number | null = null;
  /** What it held before it ran anything. */
  #restingBytes = 0;
  /** Why it is being ended; null while nobody does. */
  #cause: Cause | null = null;
  /** Whom the worker itself suspects of its death, when it could still say so. */
  #suspects: readonly number[] | null = null;

  /** @throws when the system refuses another process. */
  constructor(id: string, settings: WorkerSettings, events: WorkerEvents) {
    this.id = id;
    this.#running = new Assignments(id);
    this.#settings = settings;
    this.#events = events;
    this.#startedAt = settings.clock.now();
    this.#allowance = new Allowance(settings.clock, settings.concurrency, settings.handlers.length);
    this.#child = startChild(id, settings, {
      received: (message) => this.#receive(message),
      closed: () => this.#leaveService(),
    });
    this.#child.send({ type: "load", handlers: settings.handlers });
    this.#heartbeat = new Heartbeat(this.#child, settings.clock);
    this.#inflow = new Inflow(this.#child.pid, this.#heartbeat, () => this.end(flooded));
    this.#loadDeadline = new Deadline(settings.clock, settings.loadDeadlineMs, () => this.#loadsTooLong());
    this.ended = this.#child.ended.then((exit) => this.#bury(exit));
  }

  get running(): number {
    return this.#running.size;
  }

  /** Attempts it has run, or runs. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Attempts that can be started now. */
  get free(): number {
    return this.#phase === "ready" ? this.#settings.concurrency - this.#running.size : 0;
  }

  /** Whether it serves, or soon will. */
  get inService(): boolean {
    return this.#phase !== "retiring";
  }

  get starting(): boolean {
    return this.#phase === "starting";
  }

  /** The copies of the tasks folder that it loads code from, now or when it first needs it. */
  get trees(): readonly number[] {
    return this.#settings.handlers.map(({ tree }) => tree);
  }

  state(): WorkerState {
    const working = this.#running.size > 0 ? "busy" : "idle";
    return {
      id: this.id,
      pid: this.#child.pid,
      state: this.#phase === "ready" ? working : this.#phase,
      tasks: this.#running.taskIds,
      generation: this.#settings.generation,
      attempts: this.#attempts,
      rssBytes: this.#rssBytes,
      memoryGuard: this.#child.memoryGuard,
      startedAt: this.#startedAt,
    };
  }

  start({ lease: _, ...request }: AttemptRequest, listener: AttemptListener): RunningAttempt {
    const id = this.#attempts;
    this.#attempts += 1;
    this.#running.add(id, request.taskId, listener);
    this.#child.send({ type: "run", id, ...request });
    if (this.#attempts >= this.#settings.maxAttempts) this.retire();
    return {
      worker: this.id,
      abort: (reason) => {
        if (this.#running.has(id)) this.#child.send({ type: "abort", id, reason });
      },
      kill: () => void this.#killAttempt(id),
    };
  }

  /** Lets it finish what it runs, then ends it. */
  retire(): void {
    this.#leaveService();
    if (this.#running.size === 0) this.end({ kind: "ordered", reason: "the worker was replaced" });
  }

  /** Kills it now. */
  end(cause: Cause): void {
    if (this.#cause !== null) return;
    this.#cause = cause;
    this.#child.kill();
    this.retire();
  }

  /** Looks at its memory: over the limit it is killed, and grown half way there it is replaced between attempts. */
  checkMemory(): void {
    const bytes = residentBytes(this.#child.pid);
    if (bytes === null) return;
    this.#rssBytes = bytes;
    const limitBytes = this.#settings.memoryBytes;
    if (bytes > limitBytes) this.end({ kind: "memory", usedBytes: bytes, limitBytes });
    else if (this.#running.size === 0) this.#retireIfGrown();
    void this.#inflow.check();
  }

  #leaveService(): void {
    const wasReady = this.#phase === "ready";
    this.#phase = "retiring";
    // One that never was ready is replaced when its end has told why.
    if (wasReady) this.#events.retired();
  }

  #retireIfGrown(): void {
    if (this.#attempts === 0 || this.#rssBytes === null) return;
    if (this.#rssBytes > (this.#restingBytes + this.#settings.memoryBytes) / 2) this.retire();
  }

  #receive(message: ChildMessage | null): void {
    this.#inflow.heard();
    if (!this.#allowance.take()) {
      this.end(flooded);
      return;
    }
    switch (message?.type) {
      case "ended":
        this.#attemptEnded(message);
        break;
      case "log":
        this.#running.log(message);
        break;
      case "progress":
        this.#running.progress(message);
        break;
      case "pong":
        this.#heartbeat.pong(message.id);
        break;
      case "uncaught":
        this.#uncaught(message);
        break;
      case "exiting":
        void this.#exits(message);
        break;
      case "loaded":
        this.#noteLoaded(message);
        break;
      case "ready":
        this.#becomeReady();
        break;
      case undefined:
        this.end({ kind: "fault", reason: "the worker sent what is no message" });
        break;
      default:
        message satisfies never;
    }
  }

  #becomeReady(): void {
    this.#loadDeadline.cancel();
    if (this.#phase !== "starting") return;
    this.#phase = "ready";
    this.#restingBytes = residentBytes(this.#child.pid) ?? 0;
    this.#events.ready();
  }

  #noteLoaded({ index, report }: ChildMessageOf<"loaded">): void {
    if (this.#phase !== "starting") return;
    this.#loaded = index + 1;
    this.#loadDeadline.restart();
    if (report.status === "ready") return;
    const handler = this.#settings.handlers[index]?.name;
    this.#settings.log.warn({ worker: this.id, handler, error: report.error }, "a handler that loaded loads no more");
  }

  #loadsTooLong(): void {
    const { handlers, loadDeadlineMs } = this.#settings;
    const what = handlers[this.#loaded]?.file ?? "what it was told to";
    this.end({ kind: "fault", reason: `the worker did not load ${what} within ${loadDeadlineMs / 1000}s` });
  }

  #attemptEnded(message: ChildMessageOf<"ended">): void {
    const how = this.#running.end(message);
    if (how === "ended") this.#freed();
    else if (how === "late") this.#events.late();
  }

  #freed(): void {
    this.#allowance.attemptEnded();
    this.#events.freed();
    if (this.#phase === "retiring") this.retire();
    else this.#retireIfGrown();
  }

  /** What it runs ends with it, but what a handler does as the process exits may keep it from its end. */
  async #exits({ suspects }: ChildMessageOf<"exiting">): Promise<void> {
    this.#suspects = suspects;
    this.#leaveService();
    if (await within(this.#settings.clock, exitMs, this.#child.ended)) return;
    this.end({ kind: "fault", reason: "the worker did not come to its end when it exited" });
  }

  #uncaught({ error, stack, remedy, suspects }: ChildMessageOf<"uncaught">): void {
    this.#settings.log.warn({ worker: this.id, error, stack }, "an error that no code caught");
    if (remedy === "retire") this.retire();
    if (remedy !== "kill") return;
    this.#suspects = suspects;
    this.end({ kind: "fault", reason: `no code caught ${error}` });
  }

  /** Nobody but the culprit should suffer: while the event loop turns, the others may finish. */
  async #killAttempt(id: number): Promise<void> {
    if (!this.#running.has(id)) return;
    this.retire();
    const spare = this.#running.size > 1 && (await this.#heartbeat.answers());
    if (!this.#running.has(id)) return;
    if (!spare) {
      this.end({ kind: "ordered", reason: "the worker was killed, as a task on it did not stop" });
      return;
    }
    this.#running.abandon(id);
    this.#freed();
  }

  /** The process is gone: whatever still ran on it ends here. */
  #bury(exit: Exit): void {
    this.#loadDeadline.cancel();
    const cause = this.#cause ?? exitCause(exit);
    this.#cause = cause;
    this.#phase = "retiring";
    this.#running.endAll(cause, this.#suspects, exit.stderr);
    this.#events.ended({ cause, stderr: exit.stderr });
  }
}

const flooded = { kind: "fault", reason: "the worker flooded its channel to the server" } as const satisfies Cause;
/** A process that exits is gone within this time. */
const exitMs = 1_000;
