import { describe, expect, test } from "bun:test";
import { compileInput } from "../../src/domain/input.ts";
import type { PeriodicChanges } from "../../src/engine/periodic.ts";
import { testEngine } from "../support/engine.ts";
import { aDefinition } from "../support/periodic.ts";

const minute = 60_000;
const numbers = { funcName: "add_numbers", kwargs: { a: 1, b: 2 } };

describe("save", () => {
  test("creates an entry with all that was said, and its first time", async () => {
    const engine = await testEngine();
    const now = engine.clock.now();
    const definition = aDefinition({
      ...numbers,
      args: [],
      timezone: "europe/berlin",
      priority: 0,
      maxRetries: 1,
      timeoutMs: 1_000,
      overlap: "allow",
      catchUp: "all",
    });
    const { entry, replaced } = await engine.periodic.save(definition);
    expect(replaced).toBe(false);
    expect(entry).toEqual({
      ...definition,
      args: entry.args,
      kwargs: entry.kwargs,
      timezone: "Europe/Berlin",
      source: "api",
      createdAt: now,
      nextRun: now + minute,
      lastRun: null,
      runCount: 0,
      decidedUntil: null,
      revision: now,
    });
    expect([entry.args as string, entry.kwargs as string]).toEqual(["[]", '{"a":1,"b":2}']);
    expect(await engine.periodic.find("tick")).toEqual(entry);
    expect(await engine.periodic.list()).toEqual([entry]);
  });

  test("one that is not enabled has no next time", async () => {
    const engine = await testEngine();
    const { entry } = await engine.periodic.save(aDefinition({ enabled: false }));
    expect(entry).toMatchObject({ enabled: false, nextRun: null });
    expect(engine.periodic.upcoming(entry, 5)).toEqual([]);
  });

  test("replaces: history, count and last time stay, and with the same times the next", async () => {
    const engine = await testEngine();
    const now = engine.clock.now();
    await engine.periodic.save(aDefinition());
    await engine.clock.advance(1.5 * minute);
    const { entry, replaced } = await engine.periodic.save(aDefinition({ overlap: "allow", kwargs: { x: 1 } }));
    expect(replaced).toBe(true);
    expect(entry).toMatchObject({
      overlap: "allow",
      createdAt: now,
      runCount: 1,
      lastRun: now + minute,
      nextRun: now + 2 * minute,
    });
    expect(await engine.periodic.history("tick")).toHaveLength(1);
  });

  test("what is due and not fired yet is missed when the times change, and fires when they do not", async () => {
    const engine = await testEngine({ started: false });
    const now = engine.clock.now();
    await engine.periodic.save(aDefinition({ name: "same" }));
    await engine.periodic.save(aDefinition({ name: "other" }));
    await engine.clock.advance(minute);
    await engine.periodic.save(aDefinition({ name: "same", kwargs: { x: 1 } }));
    await engine.periodic.save(aDefinition({ name: "other", cronExpression: "*/2 * * * *" }));
    await engine.start();
    await engine.clock.advance(1_000);
    expect(await engine.periodic.history("same")).toMatchObject([{ outcome: "fired", nominalAt: now + minute }]);
    expect(await engine.periodic.history("other")).toMatchObject([
      { outcome: "missed", reason: "changed", nominalAt: now + minute },
    ]);
  });

  test.each([
    ["unknown_handler", { funcName: "nobody" }],
    ["validation_failed", { ...numbers, kwargs: { a: "x" } }],
    ["invalid_cron", { cronExpression: "* * *" }],
    ["invalid_cron", { cronExpression: "0 0 30 2 *" }],
    ["invalid_cron", { timezone: "Mars/Olympus" }],
  ])("is refused by %s for %j", async (code, overrides) => {
    const engine = await testEngine();
    await expect(engine.periodic.save(aDefinition(overrides))).rejects.toMatchObject({ code });
    expect(await engine.periodic.list()).toEqual([]);
  });

  test("is refused while the handler does not load", async () => {
    const engine = await testEngine();
    engine.catalog.break("echo", "no");
    await expect(engine.periodic.save(aDefinition())).rejects.toMatchObject({ code: "handler_load_error" });
  });

  test("says where the input is wrong, as a submission does", async () => {
    const engine = await testEngine();
    const wrong = engine.periodic.save(aDefinition({ ...numbers, kwargs: { a: "x", b: 1 } }));
    await expect(wrong).rejects.toMatchObject({ faults: [{ path: "/kwargs/a" }] });
  });

  test("keeps the input as it was sent, without the defaults that a handler fills in", async () => {
    const engine = await testEngine();
    const properties = { o: { type: "object", properties: { n: { type: "number", default: 1 } }, default: {} } };
    const inputSchema = { type: "object", properties };
    engine.catalog.define("filled", { inputSchema, bind: compileInput(inputSchema) });
    const { entry } = await engine.periodic.save(aDefinition({ funcName: "filled", kwargs: { o: {} } }));
    expect(entry.kwargs as string).toBe('{"o":{}}');
  });

  test("a store that refuses is said; one that lied has the entry, and it fires", async () => {
    const engine = await testEngine();
    engine.faults.decide((verb) => (verb === "savePeriodic" ? "lost" : "passes"));
    await expect(engine.periodic.save(aDefinition())).rejects.toMatchObject({ code: "store_unavailable" });
    engine.faults.heal();
    await engine.clock.advance(minute);
    expect(await engine.periodic.find("tick")).toMatchObject({ runCount: 1 });
  });
});

describe("patch", () => {
  test("changes what it names and nothing else", async () => {
    const engine = await testEngine();
    const { entry } = await engine.periodic.save(aDefinition({ ...numbers, priority: 1 }));
    const patched = await engine.periodic.patch("tick", { overlap: "replace", kwargs: { a: 5, b: 6 }, timeoutMs: 9 });
    expect(patched).toEqual({
      ...entry,
      overlap: "replace",
      kwargs: patched.kwargs,
      timeoutMs: 9,
      revision: entry.revision + 1,
    });
    expect(patched.kwargs as string).toBe('{"a":5,"b":6}');
  });

  test("a changed expression or zone takes effect at once", async () => {
    const engine = await testEngine();
    const now = engine.clock.now();
    await engine.periodic.save(aDefinition({ cronExpression: "0 0 1 1 *" }));
    expect((await engine.periodic.patch("tick", { cronExpression: "*/10 * * * * *" })).nextRun).toBe(now + 10_000);
    await engine.clock.advance(10_000);
    expect((await engine.periodic.find("tick")).runCount).toBe(1);
    await engine.periodic.patch("tick", { cronExpression: "0 3 * * *" });
    const { nextRun } = await engine.periodic.patch("tick", { timezone: "Asia/Kolkata" });
    expect(nextRun).toBe(now + 21.5 * 3_600_000);
  });

  test("what passes while it is paused is neither fired nor missed", async () => {
    const engine = await testEngine();
    const now = engine.clock.now();
    await engine.periodic.save(aDefinition({ catchUp: "all", overlap: "allow" }));
    await engine.clock.advance(minute);
    expect(await engine.periodic.patch("tick", { enabled: false })).toMatchObject({ enabled: false, nextRun: null });
    await engine.clock.advance(4.5 * minute);
    expect(await engine.periodic.patch("tick", { enabled: true })).toMatchObject({ nextRun: now + 6 * minute });
    await engine.clock.advance(minute);
    const times = (await engine.periodic.history("tick")).map(({ nominalAt }) => nominalAt);
    expect(times).toEqual([now + 6 * minute, now + minute]);
  });

  test("what was due at a pause and not fired yet is missed for it", async () => {
    const engine = await testEngine({ started: false });
    const now = engine.clock.now();
    await engine.periodic.save(aDefinition());
    await engine.clock.advance(2 * minute);
    await engine.periodic.patch("tick", { enabled: false });
    expect(await engine.periodic.history("tick")).toMatchObject([
      { outcome: "missed", reason: "paused", nominalAt: now + 2 * minute, decidedAt: now + 2 * minute },
      { outcome: "missed", reason: "paused", nominalAt: now + minute },
    ]);
  });

  test("enabling what is enabled leaves the next time as it is", async () => {
    const engine = await testEngine({ started: false });
    const { entry } = await engine.periodic.save(aDefinition());
    await engine.clock.advance(minute);
    expect((await engine.periodic.patch("tick", { enabled: true })).nextRun).toBe(entry.nextRun);
  });

  test.each<[string, PeriodicChanges]>([
    ["unknown_handler", { funcName: "nobody" }],
    ["validation_failed", { funcName: "add_numbers" }],
    ["validation_failed", { args: [1, 2] }],
    ["invalid_cron", { cronExpression: "no" }],
    ["invalid_cron", { timezone: "no" }],
  ])("is refused by %s for %j, and changes nothing", async (code, changes) => {
    const engine = await testEngine();
    const { entry } = await engine.periodic.save(aDefinition());
    await expect(engine.periodic.patch("tick", changes)).rejects.toMatchObject({ code });
    expect(await engine.periodic.find("tick")).toEqual(entry);
  });

  test("asks the handler only about what it is to do with", async () => {
    const engine = await testEngine();
    await engine.periodic.save(aDefinition());
    engine.catalog.remove("echo");
    expect(await engine.periodic.patch("tick", { enabled: false })).toMatchObject({ enabled: false });
  });

  test("two at once both count", async () => {
    const engine = await testEngine();
    await engine.periodic.save(aDefinition());
    await Promise.all([
      engine.periodic.patch("tick", { overlap: "allow" }),
      engine.periodic.patch("tick", { catchUp: "none" }),
    ]);
    expect(await engine.periodic.find("tick")).toMatchObject({ overlap: "allow", catchUp: "none" });
  });
});

describe("trigger", () => {
  test("submits the task now, paused or not, and disturbs nothing", async () => {
    const engine = await testEngine();
    const { entry } = await engine.periodic.save(aDefinition({ kwargs: { x: 1 }, maxRetries: 2 }));
    const task = await engine.periodic.trigger("tick");
    expect(task).toMatchObject({
      status: "queued",
      kwargs: '{"x":1}',
      maxRetries: 2,
      periodicTask: "tick",
      scheduledFor: null,
    });
    expect(await engine.periodic.find("tick")).toEqual(entry);
    await engine.periodic.patch("tick", { enabled: false });
    expect(await engine.periodic.trigger("tick")).toMatchObject({ periodicTask: "tick" });
    expect(engine.runner.order[0]).toBe(task.id);
    expect(await engine.periodic.history("tick")).toEqual([]);
  });

  test("stands in no firing's way", async () => {
    const engine = await testEngine();
    await engine.periodic.save(aDefinition());
    await engine.periodic.trigger("tick");
    await engine.clock.advance(minute);
    expect(await engine.periodic.history("tick")).toMatchObject([{ outcome: "fired" }]);
  });

  test("is refused as a submission is", async () => {
    const engine = await testEngine({ slots: 0, settings: { maxQueueSize: 1 } });
    await engine.periodic.save(aDefinition());
    await engine.periodic.trigger("tick");
    await expect(engine.periodic.trigger("tick")).rejects.toMatchObject({ code: "queue_full" });
    engine.catalog.remove("echo");
    await expect(engine.periodic.trigger("tick")).rejects.toMatchObject({ code: "unknown_handler" });
  });
});

describe("remove", () => {
  test("forgets the entry; what it has created stays, and nothing more comes", async () => {
    const engine = await testEngine();
    await engine.periodic.save(aDefinition());
    await engine.clock.advance(minute);
    const [id] = engine.runner.order;
    await engine.periodic.remove("tick");
    await engine.clock.advance(3 * minute);
    expect(await engine.find(id ?? "")).toMatchObject({ status: "running", periodicTask: "tick" });
    expect(engine.runner.order).toHaveLength(1);
    expect(await engine.periodic.list()).toEqual([]);
  });
});

test("upcoming begins with the next time", async () => {
  const engine = await testEngine();
  const now = engine.clock.now();
  const { entry } = await engine.periodic.save(aDefinition());
  expect(engine.periodic.upcoming(entry, 3)).toEqual([now + minute, now + 2 * minute, now + 3 * minute]);
  expect(engine.periodic.upcoming(entry, 0)).toEqual([]);
});

test("what there is not is said", async () => {
  const { periodic } = await testEngine();
  const code = "unknown_periodic_task";
  await expect(periodic.find("x")).rejects.toMatchObject({ code });
  await expect(periodic.patch("x", { enabled: true })).rejects.toMatchObject({ code });
  await expect(periodic.trigger("x")).rejects.toMatchObject({ code });
  await expect(periodic.remove("x")).rejects.toMatchObject({ code });
  await expect(periodic.history("x")).rejects.toMatchObject({ code });
});
