import { afterEach } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AttemptContext } from "taskflow";

type Level = keyof AttemptContext["log"];

export interface FakeContext extends AttemptContext {
  /** What was logged, as `"level: message"`. */
  readonly lines: readonly string[];
  /** Every fraction reported, in order. */
  readonly fractions: readonly number[];
  /** The milliseconds of every sleep asked for. */
  readonly sleeps: readonly number[];
  abort(reason: unknown): void;
}

export interface FakeContextOptions {
  readonly taskId?: string;
  readonly attempt?: number;
  readonly maxAttempts?: number;
  /** Called in place of sleeping; the sleep is over when it returns. */
  readonly onSleep?: (ms: number, context: FakeContext) => void | Promise<void>;
}

/** The context of an attempt without a worker around it: it records, and no time passes. */
export function fakeContext({
  taskId = "0198c0de-0000-7000-8000-000000000001",
  attempt = 1,
  maxAttempts = 4,
  onSleep = () => undefined,
}: FakeContextOptions = {}): FakeContext {
  const controller = new AbortController();
  const lines: string[] = [];
  const fractions: number[] = [];
  const sleeps: number[] = [];
  const log =
    (level: Level) =>
    (...values: unknown[]) => {
      lines.push(`${level}: ${values.map(String).join(" ")}`);
    };
  const context: FakeContext = {
    taskId,
    attempt,
    maxAttempts,
    signal: controller.signal,
    scheduledFor: null,
    lastRunAt: null,
    traceparent: null,
    log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    progress(fraction) {
      fractions.push(fraction);
    },
    async sleep(ms) {
      controller.signal.throwIfAborted();
      sleeps.push(ms);
      await onSleep(ms, context);
      controller.signal.throwIfAborted();
    },
    lines,
    fractions,
    sleeps,
    abort: (reason) => controller.abort(reason),
  };
  return context;
}

/** A setter of environment variables, which get their old values back after each test; undefined unsets one. */
export function testEnvironment(): (name: string, value: string | undefined) => void {
  const before = new Map<string, string | undefined>();
  const set = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  afterEach(() => {
    for (const [name, value] of before) set(name, value);
    before.clear();
  });
  return (name, value) => {
    if (!before.has(name)) before.set(name, process.env[name]);
    set(name, value);
  };
}

/** A maker of empty directories, which are removed after each test. */
export function testDirectories(): () => Promise<string> {
  const made: string[] = [];
  afterEach(async () => {
    for (const directory of made.splice(0)) await rm(directory, { recursive: true, force: true });
  });
  return async () => {
    const directory = await mkdtemp(join(tmpdir(), "taskflow-test-"));
    made.push(directory);
    return directory;
  };
}

/** What `run` throws. Throws by itself when it does not. */
export async function failureOf(run: () => unknown): Promise<Error> {
  try {
    await run();
  } catch (error) {
    if (error instanceof Error) return error;
    throw new Error(`threw ${error}, which is no Error`);
  }
  throw new Error("did not fail");
}
