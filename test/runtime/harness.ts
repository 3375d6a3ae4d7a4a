import { afterAll, onTestFinished } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jsonText, type LogLevel, type Progress } from "../../src/domain/task.ts";
import type { Outcome } from "../../src/domain/transition.ts";
import type { AttemptRequest, RunningAttempt, WorkerState } from "../../src/engine/runner.ts";
import { loadRuntime, type RuntimeOptions } from "../../src/runtime/runtime.ts";
import { systemClock } from "../../src/system-clock.ts";

const fixtures = join(import.meta.dir, "../fixtures/tasks");

/** What has to be undone after the test that runs. */
const cleanups: (() => Promise<void>)[] = [];

function afterTest(cleanup: () => Promise<void>): void {
  // Not by `afterEach`, which here would be of the first file alone that imports this one.
  if (cleanups.length === 0) {
    onTestFinished(async () => {
      for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
    });
  }
  cleanups.push(cleanup);
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "taskflow-test-")).then((path) => {
    afterTest(() => rm(path, { recursive: true, force: true }));
    return path;
  });
}

/** The fixture folder `name`, copied to where no checkout is. */
export async function outside(name: string): Promise<string> {
  const path = await temporaryFolder();
  await cp(join(fixtures, name), path, { recursive: true });
  return path;
}

/** An attempt under way, and what it has said so far. */
export interface Started {
  readonly attempt: RunningAttempt;
  readonly lines: readonly string[];
  readonly levels: readonly LogLevel[];
  readonly progress: readonly Progress[];
  /** How it ended, on which worker. */
  readonly ended: Promise<{ outcome: Outcome; worker: string }>;
  /** Resolves with the first line that it logs. */
  readonly logged: Promise<string>;
  /** Resolves once it has logged so many lines. */
  readonly heard: (lines: number) => Promise<void>;
  /** Resolves when it is told to have begun. */
  readonly began: Promise<void>;
  /** Resolves when it is told to be returned. */
  readonly returned: Promise<void>;
  /** How often it was told to have ended. */
  readonly endings: () => number;
}

export interface Warning {
  readonly fields: object;
  readonly message: string;
}

export type Harness = Awaited<ReturnType<typeof start>>;

/** A runtime over the fixture folder `folder`, or over any folder when it is absolute. Stopped after the test. */
export async function start(folder: string, options: Partial<RuntimeOptions> = {}) {
  const harness = await startHarness(folder, options);
  afterTest(harness.stop);
  return harness;
}

/** One for all tests of a file, started by the first that asks for it. */
export function shared(folder: string, options: Partial<RuntimeOptions> = {}): () => Promise<Harness> {
  let started: Promise<Harness> | null = null;
  afterAll(async () => (await started)?.stop());
  return () => {
    started ??= startHarness(folder, options);
    return started;
  };
}

async function startHarness(folder: string, options: Partial<RuntimeOptions>) {
  const warnings: Warning[] = [];
  const warn = (fields: object, message: string) => void warnings.push({ fields, message });
  const runtime = await loadRuntime({
    tasksDir: folder.startsWith("/") ? folder : join(fixtures, folder),
    numWorkers: 1,
    concurrency: 1,
    workerMemoryMb: 512,
    workerMaxAttempts: 10_000,
    handlerEnv: {},
    watch: "off",
    clock: systemClock,
    log: { debug: () => undefined, info: () => undefined, warn, error: warn },
    ...options,
  });
  runtime.start({ TASKFLOW_URL: "http://localhost:8000" }, () => undefined);
  const { runner, catalog } = runtime;
  const stop = once(() => runtime.stop());
  const waiting = new Set<() => void>();
  runner.onFree(() => {
    for (const check of waiting) check();
  });

  /** Resolves once `condition` holds; it is looked at whenever the runner tells of a change. */
  function until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  }

  /** Starts an attempt as soon as there is a slot. */
  async function begin(funcName: string, input: unknown = {}, request: Partial<AttemptRequest> = {}): Promise<Started> {
    await until(() => runner.free() > 0);
    return startNow(funcName, input, request);
  }

  /** Starts an attempt, in a slot or behind others. */
  function startNow(funcName: string, input: unknown = {}, request: Partial<AttemptRequest> = {}): Started {
    const lines: string[] = [];
    const levels: LogLevel[] = [];
    const progress: Progress[] = [];
    let endings = 0;
    const ended = Promise.withResolvers<{ outcome: Outcome; worker: string }>();
    const logged = Promise.withResolvers<string>();
    const began = Promise.withResolvers<void>();
    const returned = Promise.withResolvers<void>();
    const hearing: { count: number; resolve: () => void }[] = [];
    const attempt = runner.start(
      {
        taskId: "task",
        input,
        lease: 1,
        attempt: 1,
        maxAttempts: 1,
        scheduledFor: null,
        lastRunAt: null,
        traceparent: null,
        isQuick: false,
        ...request,
        funcName,
      },
      {
        began: began.resolve,
        returned: returned.resolve,
        log(level, message) {
          lines.push(message);
          levels.push(level);
          logged.resolve(message);
          for (const { count, resolve } of hearing) if (lines.length >= count) resolve();
        },
        progress: (latest) => void progress.push(latest),
        ended(outcome, worker) {
          endings += 1;
          ended.resolve({ outcome, worker });
        },
      },
    );
    const heard = (count: number) =>
      new Promise<void>((resolve) => {
        hearing.push({ count, resolve });
        if (lines.length >= count) resolve();
      });
    return {
      attempt,
      lines,
      levels,
      progress,
      ended: ended.promise,
      logged: logged.promise,
      heard,
      began: began.promise,
      returned: returned.promise,
      endings: () => endings,
    };
  }

  /** Runs an attempt to its end. */
  async function run(funcName: string, input: unknown = {}, request: Partial<AttemptRequest> = {}) {
    const started = await begin(funcName, input, request);
    return { ...started, ...(await started.ended) };
  }

  /** The result of an attempt that has to complete. */
  async function result(
    funcName: string,
    input: unknown = {},
    request: Partial<AttemptRequest> = {},
  ): Promise<unknown> {
    const { outcome } = await run(funcName, input, request);
    if (outcome.kind !== "completed") throw new Error(`${funcName} did not complete: ${JSON.stringify(outcome)}`);
    return outcome.result === null ? null : JSON.parse(outcome.result);
  }

  return { runtime, runner, catalog, warnings, stop, until, begin, startNow, run, result };
}

/** The outcome of an attempt that returned `value`. */
export function completed(value: unknown): Outcome {
  return { kind: "completed", result: value === null ? null : jsonText(value) };
}

/** The state of the worker with this id. */
export function workerOf({ runner }: Pick<Harness, "runner">, id: string): WorkerState {
  const worker = runner.workers().find((state) => state.id === id);
  if (worker === undefined) throw new Error(`there is no worker ${id}`);
  return worker;
}

/** Resolves once no process has this id; one that is dead but not yet buried by its parent counts as gone. */
export async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
}

export function isAlive(pid: number): boolean {
  const status = `/proc/${pid}/stat`;
  if (!existsSync(status)) return false;
  return !/\) Z /.test(readFileSync(status, "utf8"));
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => {
    running ??= run();
    return running;
  };
}
