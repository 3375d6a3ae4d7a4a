import { describe, expect, test } from "bun:test";
import type { DeclaredEntry } from "../../src/domain/periodic.ts";
import { declaredBy } from "../../src/engine/runner.ts";
import { testEngine } from "../support/engine.ts";
import { aDefinition, aDeclaration as declared } from "../support/periodic.ts";

const minute = 60_000;

async function names(engine: Awaited<ReturnType<typeof testEngine>>): Promise<readonly string[]> {
  return (await engine.periodic.list()).map(({ name, source }) => `${name} ${source}`);
}

test("what handlers declare is there, and fires", async () => {
  const engine = await testEngine();
  expect(await engine.periodic.syncDeclared([declared({ name: "a" }), declared({ name: "b" })])).toEqual([]);
  expect(await names(engine)).toEqual(["a handler", "b handler"]);
  await engine.clock.advance(minute);
  expect(await engine.periodic.find("a")).toMatchObject({ runCount: 1 });
});

test("what is declared no more is gone, what is changed is changed, and what is not is not written", async () => {
  const engine = await testEngine();
  await engine.periodic.save(aDefinition({ name: "own" }));
  await engine.periodic.syncDeclared([declared({ name: "a" }), declared({ name: "b" }), declared({ name: "c" })]);
  const before = await engine.periodic.find("a");
  const writes = engine.faults.calls("savePeriodic");
  await engine.periodic.syncDeclared([declared({ name: "a" }), declared({ name: "c", cronExpression: "0 * * * *" })]);
  expect(await names(engine)).toEqual(["a handler", "c handler", "own api"]);
  expect(await engine.periodic.find("a")).toEqual(before);
  expect(await engine.periodic.find("c")).toMatchObject({ nextRun: engine.clock.now() + 60 * minute });
  expect(engine.faults.calls("savePeriodic")).toBe(writes + 1);
});

test("an unchanged one keeps its next time over a restart, so that it is caught up", async () => {
  const first = await testEngine();
  await first.periodic.syncDeclared([declared({ catchUp: "all" })]);
  await first.stop();
  first.clock.jump(2.5 * minute);
  const second = await testEngine({ store: first.store, clock: first.clock, started: false });
  await second.periodic.syncDeclared([declared({ catchUp: "all" })]);
  await second.start();
  await second.clock.advance(1_000);
  expect(await second.periodic.find("tick")).toMatchObject({ runCount: 2 });
});

test("a pause outlives reloads, changes and restarts", async () => {
  const first = await testEngine();
  await first.periodic.syncDeclared([declared()]);
  await first.periodic.patch("tick", { enabled: false });
  await first.periodic.syncDeclared([declared({ cronExpression: "*/2 * * * *" })]);
  await first.stop();
  const second = await testEngine({ store: first.store, clock: first.clock });
  await second.periodic.syncDeclared([declared({ cronExpression: "*/2 * * * *" })]);
  expect(await second.periodic.find("tick")).toMatchObject({
    enabled: false,
    nextRun: null,
    cronExpression: "*/2 * * * *",
  });
});

test("nobody but its file changes, replaces or deletes it", async () => {
  const engine = await testEngine();
  await engine.periodic.syncDeclared([declared()]);
  const entry = await engine.periodic.find("tick");
  const code = "periodic_task_declared";
  await expect(engine.periodic.patch("tick", { overlap: "allow" })).rejects.toMatchObject({ code });
  await expect(engine.periodic.patch("tick", { enabled: true, kwargs: {} })).rejects.toMatchObject({ code });
  await expect(engine.periodic.save(aDefinition())).rejects.toMatchObject({ code });
  await expect(engine.periodic.remove("tick")).rejects.toMatchObject({ code });
  expect(await engine.periodic.find("tick")).toEqual(entry);
  expect(await engine.periodic.trigger("tick")).toMatchObject({ periodicTask: "tick" });
});

describe("what cannot be taken on", () => {
  test.each<[string, Partial<DeclaredEntry>, RegExp]>([
    ["a wrong expression", { cronExpression: "no" }, /./],
    ["a wrong zone", { timezone: "no" }, /no/],
    ["wrong input", { args: [1] }, /args/],
    ["a handler that there is not", { funcName: "nobody" }, /nobody/],
  ])("%s is told, and leaves what there was", async (_what, overrides, message) => {
    const engine = await testEngine();
    await engine.periodic.syncDeclared([declared()]);
    const faults = await engine.periodic.syncDeclared([declared(overrides), declared({ name: "other" })]);
    const { funcName } = declared(overrides);
    expect(faults).toEqual([{ name: "tick", funcName, message: expect.stringMatching(message) }]);
    expect(await names(engine)).toEqual(["other handler", "tick handler"]);
    expect(engine.lines).toContainEqual(
      expect.objectContaining({ level: "error", message: "declared periodic task refused" }),
    );
  });

  test("the name of another handler's is told", async () => {
    const engine = await testEngine();
    const faults = await engine.periodic.syncDeclared([
      declared(),
      declared({ funcName: "add_numbers", kwargs: { a: 1, b: 2 } }),
    ]);
    expect(faults).toEqual([
      { name: "tick", funcName: "add_numbers", message: "The name is taken by the handler 'echo'." },
    ]);
    expect(await engine.periodic.find("tick")).toMatchObject({ funcName: "echo" });
  });

  test("the name of an entry of the API's is told, and comes in when that is deleted", async () => {
    const engine = await testEngine();
    await engine.periodic.save(aDefinition({ overlap: "allow" }));
    const [fault] = await engine.periodic.syncDeclared([declared()]);
    expect(fault?.message).toBe("The name is taken by an entry that was created over the API.");
    expect(await engine.periodic.find("tick")).toMatchObject({ source: "api", overlap: "allow" });
    await engine.periodic.remove("tick");
    expect(await engine.periodic.find("tick")).toMatchObject({ source: "handler", overlap: "skip" });
  });
});

test("a handler that does not load keeps what it declared when it last did; one that is gone does not", async () => {
  const engine = await testEngine();
  await engine.periodic.syncDeclared([declared()]);
  engine.catalog.break("echo", "no");
  await engine.periodic.syncDeclared([]);
  expect(await names(engine)).toEqual(["tick handler"]);
  engine.catalog.remove("echo");
  await engine.periodic.syncDeclared([]);
  expect(await names(engine)).toEqual([]);
});

test("a store that refuses is said, and tried again until it takes it", async () => {
  const engine = await testEngine();
  engine.faults.refuse("savePeriodic");
  await expect(engine.periodic.syncDeclared([declared()])).rejects.toMatchObject({ code: "store_unavailable" });
  await engine.clock.advance(3_000);
  expect(await names(engine)).toEqual([]);
  engine.faults.heal();
  await engine.clock.advance(1_000);
  expect(await names(engine)).toEqual(["tick handler"]);
});

test("of calls that overlap the latest wins", async () => {
  const engine = await testEngine();
  await Promise.all([
    engine.periodic.syncDeclared([declared({ name: "a" })]),
    engine.periodic.syncDeclared([declared({ name: "b" })]),
  ]);
  expect(await names(engine)).toEqual(["b handler"]);
});

test("files that share a name declare once what their last good version does", async () => {
  const { catalog } = await testEngine();
  catalog.define("echo", { schedules: [declared({ name: "a" }), declared({ name: "b" })] });
  catalog.breakButServe("echo", "two files have that name");
  const twice = { list: () => [...catalog.list(), ...catalog.list()] };
  expect(declaredBy(twice).map(({ name }) => name)).toEqual(["a", "b"]);
  catalog.break("echo", "no version of it has loaded");
  expect(declaredBy(catalog)).toEqual([]);
});
