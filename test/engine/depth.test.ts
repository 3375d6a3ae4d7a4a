import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Task } from "../../src/domain/task.ts";
import type { Submission } from "../../src/engine/submit.ts";
import { alwaysQuick, aSubmission, type TestEngine, type TestEngineOptions, testEngine } from "../support/engine.ts";

/** An engine for which `echo` is quick and `slow` is not, with room for three to wait in each worker. */
async function engineWithDepth(options: TestEngineOptions = {}): Promise<TestEngine> {
  const engine = await testEngine({ depth: 3, pace: alwaysQuick("echo"), ...options });
  engine.catalog.define("slow");
  return engine;
}

/** Submits a task of each of these handlers at once, and lets them go where they go. */
async function submit(engine: TestEngine, ...funcNames: readonly string[]): Promise<readonly Task[]> {
  const tasks = await engine.submit(funcNames.map((funcName) => aSubmission({ funcName })));
  await engine.clock.settle();
  return tasks;
}

const namesOf = (attempts: TestEngine["runner"]["attempts"]) => attempts.map(({ request }) => request.funcName);

/** A task that waits in the one worker, behind one that runs. */
async function oneWaits(overrides: Partial<Submission> = {}, options: TestEngineOptions = {}) {
  const engine = await engineWithDepth(options);
  const head = await engine.add();
  await engine.next("task_started", head.id);
  const task = await engine.add(overrides);
  await engine.clock.settle();
  expect(engine.runner.waiting.map(({ request }) => request.taskId)).toEqual([task.id]);
  return { engine, head, task };
}

describe("claiming ahead", () => {
  test("gives quick tasks to busy workers, evenly and in their order, as many as may wait", async () => {
    const engine = await engineWithDepth({ slots: 2 });
    const tasks = await submit(engine, ...Array<string>(10).fill("echo"));
    expect(engine.runner.order).toEqual(tasks.slice(0, 8).map(({ id }) => id));
    expect(engine.runner.running.map(({ worker }) => worker)).toEqual(["w1", "w2"]);
    expect(engine.runner.waiting.map(({ worker }) => worker)).toEqual(["w1", "w2", "w1", "w2", "w1", "w2"]);
    engine.runner.of(tasks[0]?.id ?? "").complete();
    await engine.clock.settle();
    expect(engine.runner.order).toEqual(tasks.slice(0, 9).map(({ id }) => id));
  });

  test("gives each task to a worker of its own while there is one", async () => {
    const engine = await engineWithDepth({ slots: 3 });
    for (let n = 0; n < 3; n++) await submit(engine, "echo");
    expect(engine.runner.running.map(({ worker }) => worker)).toEqual(["w1", "w2", "w3"]);
  });

  test("stops at the first task that is not quick, and takes it when a worker is free", async () => {
    const engine = await engineWithDepth();
    const [first] = await submit(engine, "echo", "slow", "echo");
    expect(namesOf(engine.runner.attempts)).toEqual(["echo"]);
    engine.runner.of(first?.id ?? "").complete();
    await engine.clock.settle();
    expect(namesOf(engine.runner.attempts)).toEqual(["echo", "slow"]);
    expect(engine.runner.waiting).toEqual([]);
  });

  test("does not look again and again when what waits is not quick, or nothing waits", async () => {
    const engine = await engineWithDepth();
    await submit(engine, "echo", "slow");
    await engine.clock.settle();
    const before = engine.faults.calls("claim");
    await engine.clock.settle();
    expect(engine.faults.calls("claim")).toBe(before);
  });

  test("keeps the order of dispatch strict, whatever is quick and whatever is not", async () => {
    const submission = fc.record({
      funcName: fc.constantFrom("echo", "echo", "slow"),
      priority: fc.constantFrom(0 as const, 2 as const),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(submission, { maxLength: 20 }),
        fc.integer({ min: 1, max: 3 }),
        async (given, slots) => {
          const engine = await engineWithDepth({ slots });
          const blockers = await submit(engine, ...Array<string>(slots).fill("slow"));
          const tasks = await engine.submit(given.map((one) => aSubmission(one)));
          for (let [head] = engine.runner.running; head !== undefined; [head] = engine.runner.running) {
            head.complete();
            await engine.clock.settle();
          }
          const expected = tasks.toSorted((a, b) => a.priority - b.priority).map(({ id }) => id);
          expect(engine.runner.order).toEqual([...blockers.map(({ id }) => id), ...expected]);
        },
      ),
      { numRuns: 40 },
    );
  }, 30_000);
});

describe("a task that waits in a worker", () => {
  test("is queued to all who ask, and starts when the one before has ended", async () => {
    const { engine, head, task } = await oneWaits();
    expect(await engine.find(task.id)).toMatchObject({ status: "queued", startedAt: null });
    expect(await engine.attempts(task.id)).toEqual([]);
    expect(engine.heardOf(task.id)).toEqual(["task_queued"]);
    await engine.clock.advance(700);
    engine.runner.of(head.id).complete();
    const { task: started, at } = await engine.next("task_started", task.id);
    expect(started).toMatchObject({ status: "running", startedAt: at });
    expect(at).toBe(head.createdAt + 700);
    await engine.clock.advance(5);
    engine.runner.of(task.id).complete();
    const { task: completed } = await engine.next("task_completed", task.id);
    expect(completed).toMatchObject({ startedAt: at, completedAt: at + 5, attempt: 1 });
    expect(await engine.find(task.id)).toEqual(completed);
    expect(await engine.attempts(task.id)).toMatchObject([{ startedAt: at, endedAt: at + 5 }]);
  });

  test("has all of its timeout from when it begins", async () => {
    const { engine, head, task } = await oneWaits({ timeoutMs: 1_000 });
    await engine.clock.advance(5_000);
    engine.runner.of(head.id).complete();
    expect((await engine.next("task_started", task.id)).task).toMatchObject({ attempt: 1 });
    await engine.clock.advance(999);
    expect(engine.runner.of(task.id).aborts).toEqual([]);
    await engine.clock.advance(1);
    expect(engine.runner.of(task.id).aborts).toEqual(["timeout"]);
  });

  test("is cancelled at once and never runs, while the one before it runs on", async () => {
    const { engine, head, task } = await oneWaits();
    expect(await engine.cancel(task.id)).toMatchObject({ status: "cancelled", retryCount: 0 });
    expect(engine.runner.of(task.id)).toMatchObject({ state: "gone", aborts: [], kills: 0 });
    engine.runner.of(head.id).complete();
    await engine.next("task_completed", head.id);
    expect(engine.heardOf(task.id)).toEqual(["task_queued", "task_cancelled"]);
  });

  test("goes to another worker under the same lease when its own is stuck, and nobody sees a difference", async () => {
    const engine = await engineWithDepth({ slots: 2 });
    const [stuck, other, task] = await submit(engine, "echo", "echo", "echo");
    if (stuck === undefined || other === undefined || task === undefined) throw new Error("not all were accepted");
    engine.runner.of(other.id).complete();
    const writes = engine.faults.calls("settle");
    engine.runner.displace(engine.runner.of(stuck.id).worker);
    const { task: started } = await engine.next("task_started", task.id);
    expect(started.attempt).toBe(1);
    expect(engine.faults.calls("settle")).toBe(writes);
    engine.runner.of(task.id).complete();
    await engine.next("task_completed", task.id);
    expect(await engine.attempts(task.id)).toMatchObject([{ number: 1, worker: "w2", outcome: "completed" }]);
    expect(await engine.find(stuck.id)).toMatchObject({ status: "running" });
  });

  test("is queued again in its old place when no worker can come to it, and that is no attempt", async () => {
    const { engine, head, task } = await oneWaits();
    const later = await engine.add({ priority: 0 });
    await engine.clock.settle();
    engine.runner.displace("w1");
    await engine.clock.settle();
    expect(await engine.store.find(task.id)).toMatchObject({ runAt: task.runAt, retryCount: 0, crashes: 0 });
    engine.runner.of(head.id).complete();
    await engine.next("task_started", later.id);
    engine.runner.of(later.id).complete();
    await engine.next("task_started", task.id);
    engine.runner.of(task.id).complete();
    await engine.next("task_completed", task.id);
    expect(engine.heardOf(task.id)).toEqual(["task_queued", "task_started", "task_completed"]);
    expect(await engine.attempts(task.id)).toMatchObject([{ outcome: "completed" }]);
  });

  test("is given back at once when the server stops, for the next one to run", async () => {
    const { engine, head, task } = await oneWaits();
    const stopped = engine.stop();
    await engine.clock.settle();
    expect(await engine.store.find(task.id)).toMatchObject({ status: "queued" });
    engine.runner.of(head.id).complete();
    await stopped;
    expect(await engine.store.attempts(task.id)).toEqual([]);
  });
});
