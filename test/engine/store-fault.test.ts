import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isFinal } from "../../src/domain/task.ts";
import { testEngine } from "../support/engine.ts";

const reason = "The disk is full, nothing was written";

describe("a store that refuses", () => {
  test("a submission passes the refusal on, and nothing is told or kept", async () => {
    const engine = await testEngine();
    engine.faults.refuse();
    await expect(engine.add()).rejects.toMatchObject({ code: "store_unavailable", message: reason });
    engine.faults.heal();
    await engine.clock.advance(5_000);
    expect(engine.heard).toEqual([]);
    expect(engine.runner.attempts).toHaveLength(0);
    expect((await engine.metrics()).counts.enqueued).toBe(0);
  });

  test("makes the engine unhealthy with the reason, until it takes writes again", async () => {
    const engine = await testEngine();
    expect(engine.health()).toEqual({ status: "healthy", reason: null });
    engine.faults.refuse();
    await expect(engine.add()).rejects.toThrow();
    expect(engine.health()).toEqual({ status: "unhealthy", reason });
    await engine.clock.advance(10_000);
    expect(engine.health()).toEqual({ status: "unhealthy", reason });
    engine.faults.heal();
    await engine.clock.advance(1_000);
    expect(engine.health()).toEqual({ status: "healthy", reason: null });
  });

  test("stays unhealthy while claims that find nothing go through: only a write that writes says otherwise", async () => {
    const engine = await testEngine();
    engine.faults.refuse("insert", "probe");
    await expect(engine.add()).rejects.toThrow();
    const claims = engine.faults.calls("claim");
    await engine.clock.advance(5_000);
    expect(engine.faults.calls("claim")).toBeGreaterThan(claims);
    expect(engine.health()).toEqual({ status: "unhealthy", reason });
  });

  test("a claim is asked again every second, no more often, and the task then starts", async () => {
    const engine = await testEngine();
    await engine.clock.settle();
    engine.faults.refuse("claim");
    const task = await engine.add();
    await engine.clock.settle();
    expect(engine.health()).toEqual({ status: "unhealthy", reason });
    const before = engine.faults.calls("claim");
    await engine.clock.advance(5_000);
    expect(engine.faults.calls("claim") - before).toBe(5);
    expect(await engine.find(task.id)).toMatchObject({ status: "queued" });
    engine.faults.heal();
    await engine.clock.advance(1_000);
    expect(engine.runner.order).toEqual([task.id]);
    expect(engine.health().status).toBe("healthy");
  });

  test("a settlement is written as soon as it takes writes again, and told once", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.faults.refuse("settle");
    const endedAt = engine.clock.now();
    engine.runner.of(task.id).complete("done");
    await engine.clock.advance(3_500);
    expect(engine.faults.calls("settle")).toBe(4);
    expect(await engine.find(task.id)).toMatchObject({ status: "running" });
    expect(engine.health()).toEqual({ status: "unhealthy", reason });
    engine.faults.heal();
    await engine.clock.advance(500);
    const { task: completed } = await engine.next("task_completed", task.id);
    expect(completed).toMatchObject({ completedAt: endedAt });
    expect(engine.heardOf(task.id)).toEqual(["task_queued", "task_started", "task_completed"]);
    expect(engine.health().status).toBe("healthy");
  });

  test("a settlement does not keep the slot from the next task", async () => {
    const engine = await testEngine();
    const first = await engine.add();
    const second = await engine.add();
    await engine.next("task_started", first.id);
    engine.faults.refuse("settle");
    engine.runner.of(first.id).complete();
    await engine.next("task_started", second.id);
  });

  test.each(["promote", "nextDue"] as const)(
    "%s: what is due is queued within a second of its recovery",
    async (verb) => {
      const engine = await testEngine();
      await engine.clock.advance(1_000);
      engine.faults.refuse(verb);
      const task = await engine.add({ delayMs: 1_000 });
      const later = await engine.add({ delayMs: 20_000 });
      await engine.clock.advance(10_000);
      engine.faults.heal();
      await engine.clock.advance(1_000);
      expect(engine.runner.order).toEqual([task.id]);
      engine.runner.of(task.id).complete();
      await engine.clock.advance(9_000);
      expect(engine.runner.order).toEqual([task.id, later.id]);
    },
  );

  test("at the start keeps it from starting", async () => {
    const engine = await testEngine({ started: false });
    engine.faults.refuse();
    await expect(engine.start()).rejects.toMatchObject({ code: "store_unavailable" });
  });

  test("now and then, whatever it is asked, loses no task and ends each once", async () => {
    const verbs = ["insert", "claim", "settle", "report", "promote", "nextDue"] as const;
    const step = fc.record({
      refused: fc.subarray([...verbs]),
      priority: fc.constantFrom(0, 2, 3),
      delayMs: fc.constantFrom(0, 1_500),
      end: fc.constantFrom("complete", "fail", "interrupt", null),
      waitMs: fc.constantFrom(0, 700, 3_000),
    } as const);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const engine = await testEngine({ slots: 2 });
        engine.catalog.define("echo", { backoff: { baseMs: 100, capMs: 100, jitter: 0 } });
        const accepted: string[] = [];
        for (const { refused, priority, delayMs, end, waitMs } of steps) {
          if (refused.length > 0) engine.faults.refuse(...refused);
          else engine.faults.heal();
          const submitted = engine.add({ priority, delayMs, maxRetries: steps.length });
          if (refused.includes("insert")) await expect(submitted).rejects.toThrow(reason);
          else accepted.push((await submitted).id);
          const [attempt] = engine.runner.running;
          attempt?.log("here");
          if (end === "complete") attempt?.complete();
          if (end === "fail") attempt?.fail();
          if (end === "interrupt") attempt?.end({ kind: "interrupted", reason: "?", workerDied: false });
          await engine.clock.advance(waitMs);
        }
        engine.faults.heal();
        await engine.clock.advance(5_000);
        while (engine.runner.running.length > 0) {
          for (const attempt of engine.runner.running) attempt.complete();
          await engine.clock.advance(5_000);
        }
        for (const id of accepted) {
          expect((await engine.find(id)).status).toBe("completed");
          expect(engine.heard.filter(({ task }) => task.id === id && isFinal(task.status))).toHaveLength(1);
        }
        expect((await engine.metrics()).counts).toMatchObject({ enqueued: accepted.length });
      }),
      { numRuns: 30 },
    );
  }, 30_000);
});

test("workers that do not start make the engine unhealthy with their reason", async () => {
  const engine = await testEngine();
  engine.runner.reason = "bun is not on the PATH";
  expect(engine.health()).toEqual({ status: "unhealthy", reason: "bun is not on the PATH" });
});

describe("a store that writes and then says that it did not", () => {
  const lost = (verb: string) => (asked: PropertyKey) => (asked === verb ? "lost" : "passes");

  test("a claim is given back, leaves no line in the history, and the task runs under another lease", async () => {
    const engine = await testEngine({ slots: 2 });
    const other = await engine.add();
    await engine.next("task_started", other.id);
    engine.faults.decide(lost("claim"));
    const task = await engine.add();
    await engine.clock.settle();
    expect(await engine.find(task.id)).toMatchObject({ status: "running", attempt: 1 });
    engine.faults.heal();
    await engine.clock.advance(3_000);
    expect(engine.runner.order).toEqual([other.id, task.id]);
    engine.runner.of(task.id).complete();
    await engine.next("task_completed", task.id);
    expect(await engine.attempts(task.id)).toMatchObject([{ number: 2, outcome: "completed" }]);
    expect(engine.runner.of(other.id).ended).toBe(false);
    expect(await engine.find(other.id)).toMatchObject({ status: "running", attempt: 1 });
  });

  test("a settlement is told once, and counts as no late result", async () => {
    const engine = await testEngine();
    const task = await engine.add();
    await engine.next("task_started", task.id);
    engine.faults.decide(lost("settle"));
    engine.runner.of(task.id).complete();
    await engine.clock.settle();
    expect(engine.heardOf(task.id)).toEqual(["task_queued", "task_started"]);
    engine.faults.heal();
    await engine.clock.advance(1_000);
    expect(engine.heardOf(task.id)).toEqual(["task_queued", "task_started", "task_completed"]);
    expect((await engine.metrics()).discarded).toBe(0);
  });

  test("a claim that was given back is not given back again when its task was claimed anew", async () => {
    const engine = await testEngine({ settings: { handlerWaitMs: 60_000 } });
    engine.faults.decide(lost("settle"));
    const task = await engine.add({ delayMs: 100 });
    engine.catalog.remove("echo");
    await engine.clock.advance(150);
    expect(await engine.find(task.id)).toMatchObject({ status: "pending", attempt: 1 });
    engine.catalog.define("echo");
    engine.clock.jump(60_000);
    await engine.add({ delayMs: 1 });
    await engine.clock.advance(900);
    expect(engine.runner.order[0]).toBe(task.id);
    engine.faults.heal();
    await engine.clock.advance(5_000);
    expect(await engine.find(task.id)).toMatchObject({ status: "running", attempt: 2 });
  });
});
