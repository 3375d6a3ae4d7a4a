import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { WireTask } from "../support/client.ts";
import { createGate } from "./gate.ts";
import { type Watched, watch } from "./watched.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

let watched: Watched;

beforeAll(async () => {
  watched = await watch({ env: { TASKFLOW_NUM_WORKERS: "1", TASKFLOW_CONCURRENCY: "4" } });
});

afterEach(() => watched.recovers());

afterAll(() => watched?.[Symbol.asyncDispose]());

/** Three that run beside whatever comes next, on the same worker, until the gate opens. */
async function innocents(url: string): Promise<readonly WireTask[]> {
  return Promise.all([1, 2, 3].map((n) => watched.begin("held", { url, n })));
}

describe("with four at once on one worker, the innocent beside a handler that", () => {
  test.each([
    ["loops", {}, "timeout"],
    ["sleeps_sync", {}, "timeout"],
    ["exits", { code: 3 }, "crashed"],
    ["exits_in_a_timer", {}, "crashed"],
  ])("%s are interrupted and run again, and no attempt of theirs is lost", async (name, kwargs, errorKind) => {
    await using gate = createGate();
    const beside = await innocents(gate.url);
    const culprit = await watched.client.submit({ func_name: name, kwargs, max_retries: 0, timeout: 0.3 });
    expect(await watched.client.final(culprit.task_id)).toMatchObject({ status: "failed", error_kind: errorKind });
    await gate.arrived(6);
    gate.open();
    for (const task of beside) {
      const ended = { status: "completed", result: "let go", retry_count: 0, error: null };
      expect(await watched.client.final(task.task_id)).toMatchObject(ended);
      expect(await watched.outcomes(task)).toEqual(["interrupted", "completed"]);
    }
  });

  test.each(["never_settles", "ignores_sigterm"])(
    "%s finish: it is abandoned, and its worker retired",
    async (name) => {
      await using gate = createGate();
      const beside = await innocents(gate.url);
      const { workers } = await (await watched.client.get("/health")).json();
      const [{ pid }] = workers.pool;
      const culprit = await watched.begin(name, {}, { timeout: 0.3 });
      expect(await watched.client.final(culprit.task_id)).toMatchObject({ status: "failed", error_kind: "timeout" });
      const retiring = await (await watched.client.get("/health")).json();
      expect(retiring.workers.pool).toContainEqual(expect.objectContaining({ pid, state: "retiring" }));
      gate.open();
      for (const task of beside) {
        expect(await watched.client.final(task.task_id)).toMatchObject({ status: "completed", result: "let go" });
        expect(await watched.outcomes(task)).toEqual(["completed"]);
      }
      await watched.recovers();
      const after = await (await watched.client.get("/health")).json();
      expect(after.workers.pool.map((worker: { pid: number }) => worker.pid)).not.toContain(pid);
    },
  );
});
