import { join } from "node:path";
import type { AbortReason, WorkerState } from "../engine/runner.ts";
import { Allowance } from "./allowance.ts";
import type { Assignment, Host } from "./assignment.ts";
import { Assignments } from "./assignments.ts";
import { type Child, type ChildSettings, type Exit, startChild } from "./child.ts";
import { type Cause, type Death, exitCause } from "./death.ts";
import { Growth } from "./growth.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Inflow } from "./inflow.ts";
import { Loading, type LoadingSettings } from "./loading.ts";
import { Outbox } from "./outbox.ts";
import type { ChildMessage, ChildMessageOf } from "./protocol.ts";
import { within } from "./timing.ts";
import { Cells } from "./worker-cells.ts";

export interface WorkerSettings extends ChildSettings, LoadingSettings {
  /** That of the handlers. */
  readonly generation: number;
  /** Attempts at once. */
  readonly concurrency: number;
  /** Attempts after which it is replaced. */
  readonly maxAttempts: number;
  readonly memoryBytes: number;
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
  /** It will not come to these, in time or at all. */
  displaced(assignments: readonly Assignment[]): void;
  ended(death: Death): void;
}

/** One child process of the pool, from its start to its end, and the attempts it runs. */
export class PoolWorker implements Host {
  readonly id: string;
  readonly settings: WorkerSettings;
  /** The attempts that it has. */
  readonly assignments: Assignments;
  /** Resolves after its last attempt was told its end. */
  readonly ended: Promise<void>;
  readonly #events: WorkerEvents;
  readonly #child: Child;
  readonly #startedAt: number;
  readonly #allowance: Allowance;
  readonly #heartbeat: Heartbeat;
  readonly #inflow: Inflow;
  readonly #growth: Growth;
  readonly #loading: Loading;
  readonly #outbox: Outbox;
  readonly #cells: Cells | null;
  #phase: "starting" | "ready" | "retiring" = "starting";
  /** Why it is being ended; null while nobody does. */
  #cause: Cause | null = null;
  /** Whom the worker itself suspects of its death, when it could still say so. */
  #suspects: readonly number[] | null = null;

  /** @throws when the system refuses another process. */
  constructor(id: string, settings: WorkerSettings, events: WorkerEvents) {
    this.id = id;
    this.assignments = new Assignments(this, settings.concurrency);
    this.settings = settings;
    this.#events = events;
    this.#startedAt = settings.clock.now();
    this.#allowance = new Allowance(settings.clock, settings.concurrency, settings.handlers.length);
    this.#child = startChild(id, settings, {
      received: (message) => this.#receive(message),
      closed: () => this.#leaveService(),
    });
    this.#cells = Cells.make(join(settings.scratchDir, `${id}.cells`));
    this.#outbox = new Outbox(this.#child);
    const { handlers, concurrency } = settings;
    this.#outbox.send({ type: "load", handlers, concurrency, cells: this.#cells?.path ?? null });
    this.#heartbeat = new Heartbeat(this.#child, settings.clock);
    this.#inflow = new Inflow(this.#child.pid, this.#heartbeat, () => this.end(flooded));
    this.#growth = new Growth(this.#child.pid, settings.memoryBytes);
    this.#loading = new Loading(id, settings, (reason) => this.end({ kind: "fault", reason }));
    this.ended = this.#child.ended.then((exit) => this.#bury(exit));
  }

  /** Attempts that can begin now. */
  get free(): number {
    return this.#phase === "ready" ? this.assignments.free : 0;
  }

  /** Quick attempts that it takes beside these, to wait. */
  get ahead(): number {
    return this.#phase === "ready" ? this.assignments.ahead : 0;
  }

  /** Whether it serves, or soon will. */
  get inService(): boolean {
    return this.#phase !== "retiring";
  }

  get starting(): boolean {
    return this.#phase === "starting";
  }

  state(): WorkerState {
    const working = this.assignments.running > 0 ? "busy" : "idle";
    return {
      id: this.id,
      pid: this.#child.pid,
      state: this.#phase === "ready" ? working : this.#phase,
      tasks: this.assignments.taskIds,
      generation: this.settings.generation,
      attempts: this.assignments.begun,
      rssBytes: this.#growth.bytes,
      memoryGuard: this.#child.memoryGuard,
      startedAt: this.#startedAt,
    };
  }

  /** Begins the attempt at once when it is free, else after those before. */
  start(assignment: Assignment): void {
    const { lease: _, isQuick: __, ...request } = assignment.request;
    this.#outbox.run({ ...this.assignments.add(assignment), ...request });
    this.#retireIfWorn();
  }

  abort(id: number, reason: AbortReason): void {
    if (this.assignments.has(id)) this.#outbox.send({ type: "abort", id, reason });
  }

  kill(id: number): void {
    void this.#killAttempt(id);
  }

  recall(id: number): boolean {
    return this.assignments.recall(id);
  }

  /** Has what waits run elsewhere, if it did not move on since the last look. */
  checkProgress(): void {
    this.#displace(this.assignments.recallStuck());
  }

  /** Lets it finish what it runs, then ends it. */
  retire(): void {
    this.#leaveService();
    if (this.assignments.size === 0) this.end({ kind: "ordered", reason: "the worker was replaced" });
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
    const cause = this.#growth.look();
    if (cause !== null) this.end(cause);
    else if (this.assignments.size === 0) this.#retireIfGrown();
    void this.#inflow.check();
  }

  #leaveService(): void {
    const wasReady = this.#phase === "ready";
    this.#phase = "retiring";
    // One that never was ready is replaced when its end has told why.
    if (wasReady) this.#events.retired();
    this.#displace(this.assignments.recallAll());
  }

  #displace(assignments: readonly Assignment[]): void {
    if (assignments.length > 0) this.#events.displaced(assignments);
  }

  #retireIfWorn(): void {
    if (this.assignments.begun >= this.settings.maxAttempts && this.inService) this.retire();
  }

  #retireIfGrown(): void {
    if (this.assignments.begun > 0 && this.#growth.isLarge) this.retire();
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
        this.assignments.log(message);
        break;
      case "progress":
        this.assignments.progress(message);
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
        if (this.starting) this.#loading.noted(message);
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
    this.#loading.end();
    if (!this.starting) return;
    this.#phase = "ready";
    if (this.#cells?.isShared === true) this.assignments.waitIn(this.#cells);
    this.#growth.rests();
    this.#events.ready();
  }

  #attemptEnded(message: ChildMessageOf<"ended">): void {
    const how = this.assignments.end(message);
    if (how === "ended") this.#freed();
    else if (how === "late") this.#events.late();
  }

  #freed(): void {
    this.#allowance.attemptEnded();
    this.#retireIfWorn();
    this.#events.freed();
    if (this.#phase === "retiring") this.retire();
    else this.#retireIfGrown();
  }

  /** What it runs ends with it, but what a handler does as the process exits may keep it from its end. */
  async #exits({ suspects }: ChildMessageOf<"exiting">): Promise<void> {
    this.#suspects = suspects;
    this.#leaveService();
    if (await within(this.settings.clock, exitMs, this.#child.ended)) return;
    this.end({ kind: "fault", reason: "the worker did not come to its end when it exited" });
  }

  #uncaught({ error, stack, remedy, suspects }: ChildMessageOf<"uncaught">): void {
    this.settings.log.warn({ worker: this.id, error, stack }, "an error that no code caught");
    if (remedy === "retire") this.retire();
    if (remedy !== "kill") return;
    this.#suspects = suspects;
    this.end({ kind: "fault", reason: `no code caught ${error}` });
  }

  /** Nobody but the culprit should suffer: while the event loop turns, the others may finish. */
  async #killAttempt(id: number): Promise<void> {
    if (!this.assignments.has(id)) return;
    this.retire();
    const spare = this.assignments.running > 1 && (await this.#heartbeat.answers());
    if (!this.assignments.has(id)) return;
    if (!spare) {
      this.end({ kind: "ordered", reason: "the worker was killed, as a task on it did not stop" });
      return;
    }
    this.assignments.abandon(id);
    this.#freed();
  }

  /** The process is gone: whatever still ran on it ends here. */
  #bury(exit: Exit): void {
    this.#loading.end();
    this.#cells?.remove();
    const cause = this.#cause ?? exitCause(exit);
    this.#cause = cause;
    this.#phase = "retiring";
    this.assignments.endAll(cause, this.#suspects, exit.stderr);
    this.#events.ended({ cause, stderr: exit.stderr });
  }
}

const flooded = { kind: "fault", reason: "the worker flooded its channel to the server" } as const satisfies Cause;
/** A process that exits is gone within this time. */
const exitMs = 1_000;
