import { jsonText, type Task } from "../../src/domain/task.ts";

/** A task that was just accepted and is due, with whatever `overrides` say. */
export function aTask(overrides: Partial<Task> = {}): Task {
  return {
    id: Bun.randomUUIDv7(),
    funcName: "add_numbers",
    args: jsonText([]),
    kwargs: jsonText({ a: 5, b: 3 }),
    status: "queued",
    priority: 2,
    createdAt: 1_000,
    runAt: 1_000,
    startedAt: null,
    completedAt: null,
    result: null,
    error: null,
    errorKind: null,
    attempt: 0,
    retryCount: 0,
    maxRetries: 3,
    timeoutMs: 300_000,
    crashes: 0,
    cancelRequested: false,
    progress: null,
    periodicTask: null,
    scheduledFor: null,
    lastRunAt: null,
    traceparent: null,
    ...overrides,
  };
}
