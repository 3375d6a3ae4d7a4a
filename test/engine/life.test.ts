import { expect, test } from "bun:test";
import fc from "fast-check";
import { isFinal } from "../../src/domain/task.ts";
import { isLegalMove } from "../../src/domain/transition.ts";
import { type TestEngine, testEngine } from "../support/engine.ts";

/** What may happen in one turn: several of them may fall together. */
const actions = {
  async submit(engine: TestEngine) {
    await engine.add();
  },
  async submitForLater(engine: TestEngine) {
    await engine.add({ delayMs: 400, priority: 0 });
  },
  async complete(engine: TestEngine) {
    engine.runner.running[0]?.complete();
  },
  async fail(engine: TestEngine) {
    engine.runner.running[0]?.fail();
  },
  async interrupt(engine: TestEngine) {
    engine.runner.running[0]?.end({ kind: "interrupted", reason: "?", workerDied: false });
  },
  async crash(engine: TestEngine) {
    engine.runner.running[0]?.end({ kind: "interrupted", reason: "?", workerDied: true });
  },
  async report(engine: TestEngine) {
    engine.runner.running[0]?.log("here");
    engine.runner.running[0]?.progress(0.5);
  },
  async cancelRunning(engine: TestEngine) {
    await cancelIfPossible(engine, engine.runner.running[0]?.request.taskId);
  },
  async cancelOldest(engine: TestEngine) {
    await cancelIfPossible(engine, engine.heard[0]?.task.id);
  },
  async cancelLatest(engine: TestEngine) {
    await cancelIfPossible(engine, engine.heard.at(-1)?.task.id);
  },
  async clearQueue(engine: TestEngine) {
    await engine.clearQueue();
  },
};

async function cancelIfPossible(engine: TestEngine, taskId: string | undefined): Promise<void> {
  if (taskId === undefined) return;
  const refused = (error: unknown) => expect(error).toMatchObject({ code: "task_final" });
  await engine.cancel(taskId).catch(refused);
}

const names = ["submit", "submit", "submitForLater", "complete", "fail", "interrupt", "crash", "report"] as const;
const more = ["cancelRunning", "cancelOldest", "cancelLatest", "clearQueue"] as const;
const turn = fc.record({
  together: fc.array(fc.constantFrom(...names, ...more), { minLength: 1, maxLength: 4 }),
  waitMs: fc.constantFrom(0, 1, 150, 600),
});

test("whatever happens, every move of a task is legal, it is told in order, and each task ends once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { maxLength: 20 }), fc.constantFrom("throw", "ignore"), async (turns, onAbort) => {
      const engine = await testEngine({ slots: 2, settings: { killGraceMs: 200, defaultTimeoutMs: 1_000 } });
      engine.runner.onAbort = onAbort;
      engine.catalog.define("echo", { backoff: { baseMs: 0, capMs: 300, jitter: 0 } });
      for (const { together, waitMs } of turns) {
        const under = together.map((name) => actions[name](engine));
        await engine.clock.advance(waitMs);
        await Promise.all(under);
      }
      for (let ended = false; !ended; ended = engine.runner.running.length === 0) {
        for (const attempt of engine.runner.running) attempt.complete();
        await engine.clock.advance(2_000);
      }
      const told = Map.groupBy(engine.heard, ({ task }) => task.id);
      for (const [id, events] of told) {
        const states = events.filter(({ type }) => type !== "task_log" && type !== "task_progress");
        const moves = states.slice(1).map(({ task }, index) => [states[index]?.task.status, task.status] as const);
        for (const [from, to] of moves)
          expect(from !== undefined && isLegalMove(from, to), `${from} -> ${to}`).toBe(true);
        expect(events.filter(({ task }) => isFinal(task.status))).toHaveLength(1);
        const kept = await engine.find(id);
        // The mark of a cancellation may come while the end is being written.
        expect({ ...events.at(-1)?.task, cancelRequested: kept.cancelRequested }).toEqual(kept);
      }
      expect((await engine.metrics()).counts).toMatchObject({ enqueued: told.size, byStatus: { running: 0 } });
    }),
    { numRuns: 100 },
  );
}, 30_000);
