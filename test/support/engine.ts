import type { EventType, TaskEvent } from "../../src/domain/event.ts";
import { compileInput, type InputSchema } from "../../src/domain/input.ts";
import { defaultBackoff } from "../../src/domain/retry.ts";
import type { Task } from "../../src/domain/task.ts";
import { createEngine, type Engine } from "../../src/engine/engine.ts";
import type { Pace } from "../../src/engine/pace.ts";
import { type Handler, type HandlerCatalog, type ReadyHandler, servingHandler } from "../../src/engine/runner.ts";
import type { EngineSettings } from "../../src/engine/settings.ts";
import type { Submission } from "../../src/engine/submit.ts";
import type { Tracer } from "../../src/engine/tracer.ts";
import { openStore } from "../../src/storage/open.ts";
import type { Store } from "../../src/storage/store.ts";
import { FakeClock } from "./clock.ts";
import { type FaultyStore, faultyStore } from "./faulty-store.ts";
import { FakeRunner } from "./runner.ts";

const numbers: InputSchema = {
  type: "object",
  properties: { a: { type: "number" }, b: { type: "number" } },
  required: ["a", "b"],
};

/** Handlers that a test adds, changes and removes. At first `echo`, which takes anything, and `add_numbers`. */
export class FakeCatalog implements HandlerCatalog {
  generation = 1;
  readonly #handlers = new Map<string, Handler>();
  readonly #changedIn = new Map<string, number>();

  constructor() {
    this.define("echo");
    this.define("add_numbers", { inputSchema: numbers });
  }

  find(name: string): Handler | null {
    return this.#handlers.get(name) ?? null;
  }

  list(): readonly Handler[] {
    return [...this.#handlers.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  changedIn(name: string): number {
    return this.#changedIn.get(name) ?? 0;
  }

  /** A new or changed file that loads. */
  define(name: string, options: Partial<ReadyHandler> = {}): void {
    const inputSchema = options.inputSchema ?? null;
    this.#change(name);
    this.#handlers.set(name, {
      name,
      file: `${name}.ts`,
      generation: this.generation,
      status: "ready",
      description: null,
      inputSchema,
      bind: compileInput(inputSchema),
      timeoutMs: null,
      maxRetries: null,
      priority: null,
      backoff: defaultBackoff,
      schedules: [],
      ...options,
    });
  }

  /** A file that does not load, with nothing that serves in its stead. */
  break(name: string, message: string): void {
    this.#break(name, message, null);
  }

  /** A file that does not load any more, while its last version that did serves on. */
  breakButServe(name: string, message: string): void {
    this.#break(name, message, servingHandler(this.find(name)));
  }

  remove(name: string): void {
    this.#change(name);
    this.#handlers.delete(name);
  }

  #break(name: string, message: string, serving: ReadyHandler | null): void {
    this.#change(name);
    const { generation } = this;
    const file = `${name}.ts`;
    const error = { message, file, line: 3, column: 7 };
    this.#handlers.set(name, { name, file, generation, status: "load_error", error, serving });
  }

  #change(name: string): void {
    this.generation += 1;
    this.#changedIn.set(name, this.generation);
  }
}

export interface LogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: object;
}

export interface TestEngineOptions {
  readonly settings?: Partial<EngineSettings>;
  readonly slots?: number;
  /** Quick attempts that may wait in each worker. */
  readonly depth?: number;
  /** By what has run, unless given. */
  readonly pace?: Pace;
  /** In [0, 1); 0.5 means no jitter. */
  readonly random?: () => number;
  /** Kept from an earlier engine, to play a restart. */
  readonly store?: Store;
  readonly clock?: FakeClock;
  /** `task-1`, `task-2`, …, unless given. */
  readonly newId?: () => string;
  /** False leaves the start to the test. */
  readonly started?: boolean;
  readonly tracer?: Tracer;
}

/** An engine with everything around it in the hands of the test. */
export interface TestEngine extends Engine {
  readonly clock: FakeClock;
  readonly runner: FakeRunner;
  readonly catalog: FakeCatalog;
  /** The real store, past the faults. */
  readonly store: Store;
  readonly faults: FaultyStore;
  readonly lines: readonly LogEntry[];
  /** Every event since the start, in order. */
  readonly heard: readonly TaskEvent[];
  /** The types of the events of one task, in order. */
  heardOf(taskId: string): readonly EventType[];
  /** Submits one task, of `echo` unless `overrides` say otherwise. */
  add(overrides?: Partial<Submission>): Promise<Task>;
  /** Resolves with the nth event of that type for that task, also when it has been already. */
  next(type: EventType, taskId: string, nth?: number): Promise<TaskEvent>;
}

export function aSubmission(overrides: Partial<Submission> = {}): Submission {
  return {
    at: "",
    funcName: "echo",
    args: [],
    kwargs: {},
    priority: null,
    maxRetries: null,
    timeoutMs: null,
    delayMs: 0,
    runAt: null,
    ...overrides,
  };
}

/** These handlers are quick whatever they do. */
export function alwaysQuick(...funcNames: readonly string[]): Pace {
  const quick = new Set(funcNames);
  return { ran: () => undefined, quick: () => quick };
}

export const testSettings: EngineSettings = {
  defaultMaxRetries: 3,
  defaultTimeoutMs: 300_000,
  maxQueueSize: Number.POSITIVE_INFINITY,
  killGraceMs: 2_000,
  shutdownGraceMs: 30_000,
  retentionCompletedMs: 86_400_000,
  retentionFailedMs: 2_592_000_000,
  handlerWaitMs: 60_000,
};

let ids = 0;

/** The real engine over the real store in memory, on a clock, a runner and handlers that are not. */
export async function testEngine(options: TestEngineOptions = {}): Promise<TestEngine> {
  const clock = options.clock ?? new FakeClock();
  const store = options.store ?? (await openStore("sqlite::memory:", { now: () => clock.now() }));
  const faults = faultyStore(store);
  const runner = new FakeRunner(options.slots, options.depth);
  const catalog = new FakeCatalog();
  const lines: LogEntry[] = [];
  const engine = createEngine({
    store: faults.store,
    runner,
    catalog,
    clock,
    random: options.random ?? (() => 0.5),
    newId: options.newId ?? (() => `task-${++ids}`),
    ...(options.pace === undefined ? {} : { pace: options.pace }),
    settings: { ...testSettings, ...options.settings },
    log: recorder(lines),
    ...(options.tracer === undefined ? {} : { tracer: options.tracer }),
  });
  const heard: TaskEvent[] = [];
  engine.events.listen((event) => heard.push(event));
  if (options.started !== false) await engine.start();

  return {
    ...engine,
    clock,
    runner,
    catalog,
    store,
    faults,
    lines,
    heard,
    heardOf: (taskId) => heard.filter(({ task }) => task.id === taskId).map(({ type }) => type),
    async add(overrides) {
      const [task] = await engine.submit([aSubmission(overrides)]);
      if (task === undefined) throw new Error("submitting one task gave none");
      return task;
    },
    next: (type, taskId, nth = 1) =>
      new Promise((resolve) => {
        const isIt = (event: TaskEvent) => event.type === type && event.task.id === taskId;
        const check = () => {
          const event = heard.filter(isIt)[nth - 1];
          if (event === undefined) return;
          stop();
          resolve(event);
        };
        // Registered after the listener that records, so that it is always told second.
        const stop = engine.events.listen(check);
        check();
      }),
  };
}

/** A log that keeps what it is told. */
export function recorder(lines: LogEntry[]) {
  const at = (level: LogEntry["level"]) => (fields: object, message: string) => lines.push({ level, message, fields });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
