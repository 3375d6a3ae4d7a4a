import { describe, expect, test } from "bun:test";
import { defaultBackoff } from "../../src/domain/retry.ts";
import { finalStatuses, isFinal, jsonText, statuses, type Task } from "../../src/domain/task.ts";
import { applySettlement, isLegalMove, type Outcome, postpone, settle } from "../../src/domain/transition.ts";
import { aTask } from "../support/tasks.ts";

const now = 50_000;
const options = { now, worker: "w1", backoff: defaultBackoff, random: 0.5 };
const completed: Outcome = { kind: "completed", result: jsonText(8) };
const interrupted: Outcome = { kind: "interrupted", reason: "the server stopped", workerDied: false };
const workerDied: Outcome = { kind: "interrupted", reason: "its worker died", workerDied: true };

type Failed = Extract<Outcome, { kind: "failed" }>;

function failed(overrides: Partial<Failed> = {}): Failed {
  return { kind: "failed", errorKind: "handler", error: "Error: no", stack: "at run", ...overrides };
}

/** `task` as a claim leaves it. */
function claimed(task: Task): Task {
  return { ...task, status: "running", attempt: task.attempt + 1, startedAt: now - 1_000 };
}

function aRunningTask(overrides: Partial<Task> = {}): Task {
  return { ...claimed(aTask()), ...overrides };
}

describe("an attempt that completes", () => {
  test("completes its task, with the result", () => {
    const expected = { status: "completed", result: jsonText(8), completedAt: now, error: null, errorKind: null };
    expect(settle(aRunningTask(), completed, options)).toMatchObject(expected);
  });

  test("clears the error of an earlier attempt and forgets its crashes", () => {
    const task = aRunningTask({ error: "Error: earlier", errorKind: "handler", retryCount: 1, crashes: 2 });
    expect(settle(task, completed, options)).toMatchObject({ error: null, errorKind: null, retryCount: 1, crashes: 0 });
  });

  test("leaves its line in the history", () => {
    expect(settle(aRunningTask({ attempt: 4 }), completed, options).attempt).toEqual({
      number: 4,
      worker: "w1",
      startedAt: now - 1_000,
      endedAt: now,
      outcome: "completed",
      errorKind: null,
      error: null,
      stack: null,
    });
  });
});

describe("an attempt that fails", () => {
  test("is retried after the backoff", () => {
    const settlement = settle(aRunningTask({ retryCount: 1 }), failed(), options);
    expect(settlement).toMatchObject({ status: "retrying", runAt: now + 2_000, retryCount: 2, completedAt: null });
    expect(settlement).toMatchObject({ error: "Error: no", errorKind: "handler", result: null });
    expect(settlement.attempt).toMatchObject({ outcome: "failed", errorKind: "handler", stack: "at run" });
  });

  test("is retried by the handler's own backoff and the chance that it is given", () => {
    const backoff = { baseMs: 10_000, capMs: 60_000, jitter: 0.5 };
    expect(settle(aRunningTask(), failed(), { ...options, backoff, random: 0 }).runAt).toBe(now + 5_000);
    expect(settle(aRunningTask(), failed(), { ...options, backoff, random: 0.75 }).runAt).toBe(now + 12_500);
  });

  test("is retried after the time it asks for", () => {
    expect(settle(aRunningTask(), failed({ retryAfterMs: 7_000 }), options)).toMatchObject({
      status: "retrying",
      runAt: now + 7_000,
      retryCount: 1,
    });
    expect(settle(aRunningTask(), failed({ retryAfterMs: 0 }), options).runAt).toBe(now);
  });

  test("waits no longer than any timer can hold, and whole milliseconds", () => {
    expect(settle(aRunningTask(), failed({ retryAfterMs: 1e300 }), options).runAt).toBe(now + 315_360_000_000);
    expect(settle(aRunningTask(), failed({ retryAfterMs: 1.5 }), options).runAt).toBe(now + 2);
  });

  test("fails its task when no retry is left", () => {
    const task = aRunningTask({ retryCount: 3, maxRetries: 3 });
    const expected = { status: "failed", retryCount: 3, completedAt: now, error: "Error: no", errorKind: "handler" };
    expect(settle(task, failed(), options)).toMatchObject(expected);
    expect(settle(aRunningTask({ maxRetries: 0 }), failed(), options).status).toBe("failed");
  });

  test.each(["permanent", "load_error"] as const)("fails its task at once when its error is %s", (errorKind) => {
    const settlement = settle(aRunningTask(), failed({ errorKind, retryAfterMs: 1_000 }), options);
    expect(settlement).toMatchObject({ status: "failed", errorKind, retryCount: 0 });
  });

  test.each(["handler", "invalid_result", "memory", "crashed"] as const)("is retried when its error is %s", (kind) => {
    expect(settle(aRunningTask(), failed({ errorKind: kind }), options).status).toBe("retrying");
  });
});

describe("an attempt that exceeds its timeout", () => {
  test.each([
    [1_000, "1s"],
    [300_000, "300s"],
    [1_500, "1.5s"],
    [1, "0.001s"],
  ])("of %d ms says so in seconds", (timeoutMs, seconds) => {
    const settlement = settle(aRunningTask({ timeoutMs, maxRetries: 0 }), { kind: "timed_out" }, options);
    const error = `TimeoutError: Task exceeded its timeout of ${seconds}`;
    expect(settlement).toMatchObject({ status: "failed", error, errorKind: "timeout" });
    expect(settlement.attempt).toMatchObject({ outcome: "timed_out", error, errorKind: "timeout" });
  });

  test("is retried like one that failed", () => {
    expect(settle(aRunningTask(), { kind: "timed_out" }, options)).toMatchObject({ status: "retrying", retryCount: 1 });
  });
});

describe("an attempt that is interrupted", () => {
  test("is given back: its task is queued again where it was, and no retry is used up", () => {
    const task = aRunningTask({ retryCount: 3, maxRetries: 3, runAt: 1_234 });
    const settlement = settle(task, interrupted, options);
    expect(settlement).toMatchObject({ status: "queued", runAt: 1_234, retryCount: 3, completedAt: null });
    expect(settlement).toMatchObject({ error: "InterruptedError: the server stopped", errorKind: "interrupted" });
    expect(settlement.attempt).toMatchObject({ outcome: "interrupted", errorKind: "interrupted" });
  });

  test("does not wash an earlier crash away", () => {
    expect(settle(aRunningTask({ crashes: 2 }), interrupted, options).crashes).toBe(2);
  });

  test("fails its task when a worker died in it the third time running", () => {
    expect(settle(aRunningTask({ crashes: 1 }), workerDied, options)).toMatchObject({ status: "queued", crashes: 2 });
    const last = settle(aRunningTask({ crashes: 2 }), workerDied, options);
    expect(last).toMatchObject({ status: "failed", errorKind: "crashed", crashes: 3, completedAt: now });
    expect(last.error).toBe("WorkerCrashError: The worker died in 3 attempts of this task running");
    expect(last.attempt).toMatchObject({ outcome: "interrupted", errorKind: "interrupted" });
  });
});

describe("an attempt that crashes its worker", () => {
  const crash = failed({ errorKind: "crashed", error: "WorkerCrashError: exit code 1" });

  test("uses up a retry, and the third time running there is none", () => {
    const task = aRunningTask({ maxRetries: 100 });
    expect(settle(task, crash, options)).toMatchObject({ status: "retrying", crashes: 1, retryCount: 1 });
    const last = settle({ ...task, crashes: 2 }, crash, options);
    expect(last).toMatchObject({ status: "failed", errorKind: "crashed", error: "WorkerCrashError: exit code 1" });
  });

  test("counts no more once another one ended otherwise", () => {
    for (const outcome of [failed(), { kind: "timed_out" } as const]) {
      expect(settle(aRunningTask({ crashes: 2 }), outcome, options).crashes).toBe(0);
    }
  });
});

describe("a task that was cancelled while it ran", () => {
  const task = aRunningTask({ cancelRequested: true });

  test("ends as cancelled, however its attempt ended", () => {
    for (const outcome of [{ kind: "cancelled" }, failed(), { kind: "timed_out" }, interrupted] as const) {
      expect(settle(task, outcome, options)).toMatchObject({ status: "cancelled", completedAt: now, retryCount: 0 });
    }
  });

  test("keeps the error of its last attempt, unless that is only that it was ended", () => {
    expect(settle(task, failed(), options)).toMatchObject({ error: "Error: no", errorKind: "handler" });
    expect(settle(task, { kind: "cancelled" }, options)).toMatchObject({ error: null, errorKind: null });
    expect(settle(task, interrupted, options)).toMatchObject({ error: null, errorKind: null });
  });

  test("is completed when that came first", () => {
    expect(settle(task, completed, options).status).toBe("completed");
  });
});

test("a claim that is given back leaves no line in the history, and its lease is not given out again", () => {
  const waiting = aTask({ status: "queued", attempt: 2, retryCount: 1, error: "Error: no", errorKind: "handler" });
  const settlement = postpone(claimed(waiting), 90_000);
  expect(settlement).toMatchObject({ status: "pending", runAt: 90_000, attempt: null, retryCount: 1 });
  expect(applySettlement(claimed(waiting), settlement)).toMatchObject({
    status: "pending",
    runAt: 90_000,
    attempt: 3,
    retryCount: 1,
    error: "Error: no",
    errorKind: "handler",
    completedAt: null,
  });
});

describe("moves between statuses", () => {
  test("are these and no others", () => {
    const legal = statuses.map((from) => [from, statuses.filter((to) => isLegalMove(from, to))]);
    expect(Object.fromEntries(legal)).toEqual({
      pending: ["queued", "cancelled"],
      queued: ["running", "cancelled"],
      running: ["pending", "queued", "retrying", "completed", "failed", "cancelled"],
      retrying: ["queued", "cancelled"],
      completed: [],
      failed: [],
      cancelled: [],
    });
  });

  test("end where isFinal says so", () => {
    expect(statuses.filter(isFinal)).toEqual([...finalStatuses]);
  });
});
