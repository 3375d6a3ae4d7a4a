import { describe, expect, test } from "bun:test";
import type { Firing } from "../../src/domain/periodic.ts";
import type { Task } from "../../src/domain/task.ts";
import { FakeClock } from "../support/clock.ts";
import { type TestEngine, testEngine } from "../support/engine.ts";
import { aDefinition, anEntry } from "../support/periodic.ts";

const minute = 60_000;

/** The tasks of the entry, oldest first. */
async function tasksOf(engine: TestEngine, name = "tick"): Promise<readonly Task[]> {
  const { tasks } = await engine.list({ limit: 1_000 });
  return tasks.filter(({ periodicTask }) => periodicTask === name).toReversed();
}

/** What became of each time, oldest first, by the minutes since the clock's first: `fired 1`. */
async function story(engine: TestEngine, from: number, name = "tick"): Promise<string> {
  const lines = (await engine.periodic.history(name)).toReversed();
  const reasonOf = ({ reason }: Firing) => (reason === null ? "" : ` (${reason})`);
  return lines.map((line) => `${line.outcome} ${(line.nominalAt - from) / minute}${reasonOf(line)}`).join(", ");
}

describe("an entry", () => {
  test("fires at its time and not a millisecond before, with the task that a submission would give", async () => {
    const engine = await testEngine();
    const now = engine.clock.now();
    engine.catalog.define("echo", { priority: 1, timeoutMs: 7_000 });
    await engine.periodic.save(aDefinition({ kwargs: { a: 1 }, maxRetries: 9 }));
    await engine.clock.advance(minute - 1);
    expect(await tasksOf(engine)).toEqual([]);
    await engine.clock.advance(1);
    const [task] = await tasksOf(engine);
    expect(task).toMatchObject({
      funcName: "echo",
      args: "[]",
      kwargs: '{"a":1}',
      status: "running",
      priority: 1,
      createdAt: now + minute,
      runAt: now + minute,
      maxRetries: 9,
      timeoutMs: 7_000,
      periodicTask: "tick",
      scheduledFor: now + minute,
      lastRunAt: null,
    });
    expect(engine.runner.of(task?.id ?? "").request).toMatchObject({ scheduledFor: now + minute, lastRunAt: null });
    expect(engine.heardOf(task?.id ?? "")).toEqual(["task_queued", "task_started"]);
  });

  test("that is new fires in time though nothing was to be looked at so soon", async () => {
    const engine = await testEngine();
    await engine.clock.advance(10_500);
    await engine.periodic.save(aDefinition({ cronExpression: "* * * * * *" }));
    await engine.clock.advance(500);
    expect(await tasksOf(engine)).toMatchObject([{ scheduledFor: engine.clock.now(), createdAt: engine.clock.now() }]);
  });

  test("tells its tasks of the time before, and counts", async () => {
    const engine = await testEngine({ slots: 3 });
    const now = engine.clock.now();
    await engine.periodic.save(aDefinition({ overlap: "allow" }));
    await engine.clock.advance(3 * minute);
    expect((await tasksOf(engine)).map(({ scheduledFor, lastRunAt }) => [scheduledFor, lastRunAt])).toEqual([
      [now + minute, null],
      [now + 2 * minute, now + minute],
      [now + 3 * minute, now + 2 * minute],
    ]);
    expect(await engine.periodic.find("tick")).toMatchObject({
      runCount: 3,
      lastRun: now + 3 * minute,
      nextRun: now + 4 * minute,
    });
  });

  test("goes on after a restart, and does not fire again what has fired", async () => {
    const first = await testEngine();
    const from = first.clock.now();
    await first.periodic.save(aDefinition({ overlap: "allow" }));
    await first.clock.advance(minute);
    first.runner.of((await tasksOf(first))[0]?.id ?? "").complete();
    await first.stop();
    const second = await testEngine({ store: first.store, clock: first.clock });
    await second.clock.advance(minute);
    expect(await story(second, from)).toBe("fired 1, fired 2");
  });

  test("in another zone fires by that zone's clock", async () => {
    const engine = await testEngine();
    await engine.periodic.save(aDefinition({ cronExpression: "0 2 * * *", timezone: "Asia/Kolkata" }));
    const { nextRun } = await engine.periodic.find("tick");
    expect(new Date(nextRun ?? 0).toISOString()).toBe("2030-01-01T20:30:00.000Z");
  });

  test("fires once on the days on which the clock of its zone is moved", async () => {
    // In spring there is no half past two; in autumn there are two of them.
    for (const nominal of ["2030-03-31T01:00:00.000Z", "2030-10-27T00:30:00.000Z"]) {
      const engine = await testEngine({ clock: new FakeClock(Date.parse(nominal) - minute) });
      await engine.periodic.save(aDefinition({ cronExpression: "30 2 * * *", timezone: "Europe/Berlin" }));
      await engine.clock.advance(2 * minute);
      engine.clock.jump(58 * minute);
      await engine.clock.advance(2 * minute);
      const fired = (await engine.periodic.history("tick")).map(({ nominalAt }) => new Date(nominalAt).toISOString());
      expect(fired).toEqual([nominal]);
    }
  });
});

describe("down for a while, or set", () => {
  async function after(ms: number, definition: Parameters<typeof aDefinition>[0]) {
    const first = await testEngine();
    const from = first.clock.now();
    await first.periodic.save(aDefinition(definition));
    await first.stop();
    first.clock.jump(ms);
    const second = await testEngine({ store: first.store, clock: first.clock });
    await second.clock.advance(1_000);
    return { engine: second, from };
  }

  test("latest fires the latest time once and tells of the others", async () => {
    const { engine, from } = await after(3.5 * minute, { catchUp: "latest" });
    expect(await story(engine, from)).toBe("missed 1 (catch_up), missed 2 (catch_up), fired 3 (catch_up)");
    expect(await tasksOf(engine)).toMatchObject([{ scheduledFor: from + 3 * minute, runAt: from + 3.5 * minute + 1 }]);
  });

  test("none fires nothing and tells of it", async () => {
    const { engine, from } = await after(3.5 * minute, { catchUp: "none" });
    expect(await story(engine, from)).toBe("missed 1 (catch_up), missed 2 (catch_up), missed 3 (catch_up)");
    expect(await tasksOf(engine)).toEqual([]);
    expect(engine.lines).toContainEqual(
      expect.objectContaining({ level: "warn", message: "periodic tasks have missed times: see their history" }),
    );
  });

  test("all fires each, oldest first, whatever the overlap", async () => {
    const { engine, from } = await after(3.5 * minute, { catchUp: "all", overlap: "skip" });
    expect(await story(engine, from)).toBe("fired 1 (catch_up), fired 2 (catch_up), fired 3 (catch_up)");
    expect(engine.runner.order).toEqual([(await tasksOf(engine))[0]?.id ?? ""]);
  });

  test("three weeks of seconds come to a hundred tasks", async () => {
    const { engine } = await after(21 * 86_400_000, { cronExpression: "* * * * * *", catchUp: "all" });
    expect(await tasksOf(engine)).toHaveLength(100);
    const missed = (await engine.periodic.history("tick")).filter(({ outcome }) => outcome === "missed");
    expect(missed).toMatchObject([{ since: expect.any(Number) }]);
  });

  test("a clock set forward is noticed within seconds, and what it jumped over is caught up", async () => {
    const engine = await testEngine();
    const from = engine.clock.now();
    await engine.periodic.save(aDefinition());
    // It sleeps by now, until the first minute.
    await engine.clock.advance(1_000);
    engine.clock.jump(10.4 * minute);
    await engine.clock.advance(5_000);
    expect(await story(engine, from)).toEndWith("missed 9 (catch_up), fired 10 (catch_up)");
  });

  test("a clock set back fires nothing a second time: the entry waits for its next time", async () => {
    const engine = await testEngine({ slots: 3 });
    const from = engine.clock.now();
    await engine.periodic.save(aDefinition({ overlap: "allow" }));
    await engine.clock.advance(minute);
    engine.clock.jump(-10 * minute);
    await engine.clock.advance(11 * minute - 1);
    expect(await story(engine, from)).toBe("fired 1");
    expect(await engine.periodic.find("tick")).toMatchObject({ nextRun: from + 2 * minute });
    await engine.clock.advance(1);
    expect(await story(engine, from)).toBe("fired 1, fired 2");
  });

  test("a change after a clock that was set back does not bring back what was decided", async () => {
    const engine = await testEngine();
    const from = engine.clock.now();
    await engine.periodic.save(aDefinition());
    await engine.clock.advance(2 * minute);
    engine.clock.jump(-2 * minute);
    const { nextRun } = await engine.periodic.patch("tick", { cronExpression: "*/2 * * * *" });
    expect(nextRun).toBe(from + 4 * minute);
  });
});

describe("overlap", () => {
  test("skip: passes a time over while an earlier task is not final, a retrying one too", async () => {
    const engine = await testEngine();
    const from = engine.clock.now();
    engine.catalog.define("echo", { backoff: { baseMs: 90_000, capMs: 90_000, jitter: 0 } });
    await engine.periodic.save(aDefinition());
    await engine.clock.advance(minute);
    const [task] = await tasksOf(engine);
    engine.runner.of(task?.id ?? "").fail();
    await engine.clock.advance(minute);
    expect(await story(engine, from)).toBe("fired 1, skipped 2 (overlap)");
    expect((await engine.periodic.history("tick"))[0]?.taskId).toBe(task?.id ?? "");
    await engine.clock.advance(30_000);
    engine.runner.of(task?.id ?? "").complete();
    await engine.clock.advance(30_000);
    expect(await story(engine, from)).toBe("fired 1, skipped 2 (overlap), fired 3");
  });

  test("replace: ends the running one by the ladder and fires", async () => {
    const engine = await testEngine();
    await engine.periodic.save(aDefinition({ overlap: "replace" }));
    await engine.clock.advance(minute);
    const [first] = await tasksOf(engine);
    const attempt = engine.runner.of(first?.id ?? "");
    attempt.onAbort = "ignore";
    await engine.clock.advance(minute);
    expect(attempt.aborts).toEqual(["cancelled"]);
    expect(await tasksOf(engine)).toMatchObject([{ status: "running" }, { status: "queued" }]);
    await engine.clock.advance(2_000);
    expect(attempt.kills).toBe(1);
    expect(await tasksOf(engine)).toMatchObject([{ status: "cancelled" }, { status: "running" }]);
  });

  test("replace: cancels the one that waits, and tells of it", async () => {
    const engine = await testEngine({ slots: 0 });
    await engine.periodic.save(aDefinition({ overlap: "replace" }));
    await engine.clock.advance(2 * minute);
    const [first, second] = await tasksOf(engine);
    expect([first?.status, second?.status]).toEqual(["cancelled", "queued"]);
    expect(engine.heardOf(first?.id ?? "")).toEqual(["task_queued", "task_cancelled"]);
  });

  test("replace: ends the running one too when the answer of the store was lost", async () => {
    const engine = await testEngine();
    await engine.periodic.save(aDefinition({ overlap: "replace" }));
    await engine.clock.advance(minute);
    const [first] = await tasksOf(engine);
    engine.faults.decide((verb) => (verb === "fire" ? "lost" : "passes"));
    await engine.clock.advance(minute);
    engine.faults.heal();
    await engine.clock.advance(2_000);
    expect(engine.runner.of(first?.id ?? "").aborts).toEqual(["cancelled"]);
    expect(await tasksOf(engine)).toMatchObject([{ status: "cancelled" }, { status: "running" }]);
  });
});

describe("at the firing", () => {
  test("a handler that is gone leaves a task that waits for it", async () => {
    const engine = await testEngine();
    await engine.periodic.save(aDefinition());
    engine.catalog.remove("echo");
    await engine.clock.advance(minute);
    expect(await tasksOf(engine)).toMatchObject([{ status: "pending", priority: 2, maxRetries: 3 }]);
    engine.catalog.define("echo");
    await engine.clock.advance(10_000);
    expect(engine.runner.order).toHaveLength(1);
  });

  test("input that the handler does not take any more is skipped, with the reason, and said in the log", async () => {
    const engine = await testEngine();
    const from = engine.clock.now();
    await engine.periodic.save(aDefinition({ funcName: "add_numbers", kwargs: { a: 1, b: 2 } }));
    engine.catalog.define("add_numbers", {
      bind: () => ({ ok: false, faults: [{ path: "/kwargs/a", message: "no" }] }),
    });
    await engine.clock.advance(minute);
    expect(await story(engine, from)).toBe("skipped 1 (invalid_input)");
    expect((await engine.periodic.history("tick"))[0]?.detail).toBe("/kwargs/a: no");
    expect(engine.lines).toContainEqual({
      level: "warn",
      message: "not fired",
      fields: { periodic_task: "tick", error: "/kwargs/a: no" },
    });
  });

  test("an expression that cannot be read any more stops that entry alone, and says so", async () => {
    const engine = await testEngine();
    const now = engine.clock.now();
    const broken = anEntry({ name: "broken", cronExpression: "no", nextRun: now + minute });
    await engine.store.savePeriodic(broken, null, [], now);
    await engine.periodic.save(aDefinition());
    await engine.clock.advance(minute);
    expect(await story(engine, now, "broken")).toBe("skipped 1 (invalid_cron)");
    expect(await story(engine, now)).toBe("fired 1");
    expect(await engine.periodic.find("broken")).toMatchObject({ nextRun: null });
  });

  test("a full queue lets it wait for room; what then is too late is for the catch-up to decide", async () => {
    const engine = await testEngine({ slots: 0, settings: { maxQueueSize: 1 } });
    const from = engine.clock.now();
    const blocker = await engine.add();
    await engine.periodic.save(aDefinition());
    await engine.periodic.save(aDefinition({ name: "strict", catchUp: "none" }));
    await engine.clock.advance(2 * minute + 30_000);
    expect(await story(engine, from)).toBe("missed 1 (catch_up)");
    expect(await tasksOf(engine)).toEqual([]);
    await engine.cancel(blocker.id);
    await engine.clock.advance(1_000);
    expect(await story(engine, from)).toBe("missed 1 (catch_up), fired 2 (catch_up)");
    expect(await story(engine, from, "strict")).toBe("missed 1 (catch_up), missed 2 (catch_up)");
    const told = engine.lines.filter(({ message }) => message === "the queue is full: periodic tasks wait for room");
    expect(told).toHaveLength(1);
  });

  test("a store that refuses is tried again, and the time is still in time", async () => {
    const engine = await testEngine();
    const from = engine.clock.now();
    await engine.periodic.save(aDefinition());
    engine.faults.refuse("fire");
    await engine.clock.advance(minute + 3_000);
    expect(await story(engine, from)).toBe("");
    engine.faults.heal();
    await engine.clock.advance(1_000);
    expect(await story(engine, from)).toBe("fired 1");
  });

  test("a time that fired though the store denied it does not fire again", async () => {
    const engine = await testEngine();
    const from = engine.clock.now();
    await engine.periodic.save(aDefinition());
    engine.faults.decide((verb) => (verb === "fire" ? "lost" : "passes"));
    await engine.clock.advance(minute);
    engine.faults.heal();
    await engine.clock.advance(10_000);
    expect(await story(engine, from)).toBe("fired 1");
    expect(engine.runner.order).toHaveLength(1);
  });
});

describe("many", () => {
  test("10,000 that wait cost one look every five seconds, and no write", async () => {
    const engine = await testEngine({ started: false });
    const far = engine.clock.now() + 86_400_000;
    for (let n = 0; n < 10_000; n++) {
      void engine.store.savePeriodic(anEntry({ name: `e${n}`, nextRun: far }), null, [], 1);
    }
    await engine.start();
    await engine.clock.advance(minute);
    expect(engine.faults.calls("duePeriodic")).toBeLessThanOrEqual(13);
    expect(engine.faults.calls("fire")).toBe(0);
    expect(engine.faults.calls("listPeriodic")).toBe(0);
  });

  test("1,000 that are due in the same second are queued in four writes", async () => {
    const engine = await testEngine({ slots: 0, started: false });
    const now = engine.clock.now();
    for (let n = 0; n < 1_000; n++) {
      void engine.store.savePeriodic(anEntry({ name: `e${n}`, nextRun: now + minute }), null, [], 1);
    }
    await engine.start();
    await engine.clock.advance(minute + 100);
    expect(await engine.metrics()).toMatchObject({ counts: { byStatus: { queued: 1_000 } } });
    expect(engine.faults.calls("fire")).toBe(4);
  });

  test("with much to catch up are taken in portions", async () => {
    const engine = await testEngine({ slots: 0, started: false });
    const now = engine.clock.now();
    for (let n = 0; n < 50; n++) {
      void engine.store.savePeriodic(
        anEntry({ name: `e${n}`, catchUp: "all", nextRun: now - 200 * minute }),
        null,
        [],
        1,
      );
    }
    await engine.start();
    await engine.clock.advance(1_000);
    expect((await engine.metrics()).counts.enqueued).toBe(5_000);
    expect(engine.faults.calls("fire")).toBe(17);
  });
});

test("retention forgets the tasks, and no time comes again for it", async () => {
  const engine = await testEngine({ settings: { retentionCompletedMs: minute } });
  const from = engine.clock.now();
  await engine.periodic.save(aDefinition());
  for (let n = 0; n < 4; n++) {
    await engine.clock.advance(minute);
    for (const attempt of engine.runner.running) attempt.complete();
    await engine.clock.settle();
  }
  expect(await story(engine, from)).toBe("fired 1, fired 2, fired 3, fired 4");
  expect((await tasksOf(engine)).length).toBeLessThan(4);
});
