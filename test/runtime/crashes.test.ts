import { describe, expect, test } from "bun:test";
import { completed, gone, isAlive, shared, start, workerOf } from "./harness.ts";

const misdeeds = shared("misdeeds");

describe("alone on its worker, an attempt", () => {
  test.each([
    ["exits", { code: 3 }, "the worker exited with code 3"],
    ["exits", { code: 0 }, "the worker exited with code 0"],
    ["exits_in_a_timer", {}, "the worker exited with code 5"],
    ["kills_itself", {}, "the worker was killed by SIGTERM"],
    ["crashes", {}, "the worker was killed by SIGSEGV"],
    ["writes_to_channel", { text: '{"type":"ended","id":"x"}' }, "the worker sent what is no message"],
  ])("that %s %o has crashed, and the next one works", async (funcName, input, how) => {
    const harness = await misdeeds();
    const { ended, attempt } = await harness.begin(funcName, input);
    const { pid } = workerOf(harness, attempt.worker);
    expect((await ended).outcome).toEqual({
      kind: "failed",
      errorKind: "crashed",
      error: `WorkerCrashError: ${how} while it ran this task`,
      stack: null,
    });
    expect(isAlive(pid)).toBe(false);
    expect(await harness.result("echo", "next")).toBe("next");
  });

  test.each([
    ["closes_channel", {}],
    ["writes_to_channel", { text: "no JSON" }],
  ])("that breaks the channel (%s) is ended, and the next one works", async (funcName, input) => {
    const { run, result } = await misdeeds();
    expect((await run(funcName, input)).outcome).toMatchObject({ kind: "failed", errorKind: "crashed" });
    expect(await result("echo", "next")).toBe("next");
  });

  test("that exits has its last lines kept", async () => {
    const { run } = await misdeeds();
    expect((await run("exits", { code: 1 })).lines).toEqual(["one", "two"]);
  });

  test("that crashes has the end of stderr in its log", async () => {
    const { run } = await misdeeds();
    const { lines, levels } = await run("crashes");
    expect(lines.join("\n")).toContain("Segmentation fault");
    expect(levels.slice(1).every((level) => level === "error")).toBe(true);
  });

  test("that floods stderr is harmless, and only the end is kept", async () => {
    const { run } = await misdeeds();
    const { outcome, lines } = await run("floods_stderr");
    expect(outcome).toMatchObject({ error: expect.stringContaining("exited with code 10") });
    expect(lines.at(-1)).toEndWith("the end");
    expect(lines.join("\n").length).toBeLessThanOrEqual(8 * 1024);
  });

  test.each([
    ["throws_in_a_timer", "RangeError: in a timer"],
    ["rejects", "RangeError: nobody waits"],
  ])("that leaves an error uncaught (%s) fails with it, and its worker goes", async (funcName, error) => {
    const harness = await misdeeds();
    const { ended, attempt } = await harness.begin(funcName);
    const { pid } = workerOf(harness, attempt.worker);
    const { outcome } = await ended;
    expect(outcome).toMatchObject({ kind: "failed", errorKind: "crashed", error });
    expect(outcome).toMatchObject({ stack: expect.stringContaining(`${funcName}.ts:`) });
    await gone(pid);
    expect(await harness.result("echo", "next")).toBe("next");
  });

  test("that throws in a listener for the abort has crashed", async () => {
    const { begin } = await misdeeds();
    const { attempt, logged, ended } = await begin("throws_in_abort");
    await logged;
    attempt.abort("timeout");
    expect((await ended).outcome).toMatchObject({ errorKind: "crashed", error: "Error: in the listener" });
  });
});

describe("what an attempt leaves behind", () => {
  test.each(["rejects_after_return", "throws_after_return"])("(%s) harms nobody, and its worker goes", async (name) => {
    const harness = await start("misdeeds");
    const { worker, outcome } = await harness.run(name);
    expect(outcome).toEqual(completed("done"));
    await harness.until(() => harness.runner.workers().every(({ id }) => id !== worker));
    expect(harness.warnings).toEqual([
      { message: "an error that no code caught", fields: expect.objectContaining({ error: "Error: too late" }) },
    ]);
    expect(await harness.result("echo", "next")).toBe("next");
  });

  test("and rejects while the next attempt runs is not laid to that", async () => {
    const { run, begin, warnings } = await start("misdeeds");
    await run("rejects_after_return", { ms: 100 });
    const next = await begin("waits_for_a_rejection");
    expect((await next.ended).outcome).toEqual(completed("heard"));
    expect(warnings).toHaveLength(1);
  });

  test("and exits the process is not laid to the next one", async () => {
    const { begin, runner, until } = await start("misdeeds");
    const first = await begin("exits_after_return");
    expect((await first.ended).outcome.kind).toBe("completed");
    const next = await begin("echo", "next");
    expect((await next.ended).outcome).toBeOneOf([
      completed("next"),
      { kind: "interrupted", reason: "the worker exited with code 4", workerDied: false },
    ]);
    await until(() => runner.free() === 1);
  });

  test("and keeps the process from its exit is killed with it", async () => {
    const harness = await start("misdeeds");
    const { ended, attempt } = await harness.begin("exits_without_end");
    const { pid } = workerOf(harness, attempt.worker);
    expect((await ended).outcome).toEqual(completed("done"));
    await gone(pid);
    expect(await harness.result("echo", "next")).toBe("next");
  });

  test("and takes the worker's ears off costs no more than the worker", async () => {
    const { run, result } = await start("misdeeds");
    expect((await run("takes_listeners_off")).outcome).toEqual(completed("done"));
    expect(await result("echo", "next")).toBe("next");
  });
});

test("a worker that died gets no more attempts, though it is not buried yet", async () => {
  const harness = await start("misdeeds");
  const { logged, worker } = await harness.run("leaves_a_process", { how: "escape" });
  const escaped = Number(await logged);
  try {
    process.kill(workerOf(harness, worker).pid, "SIGKILL");
    const state = () => harness.runner.workers().find(({ id }) => id === worker)?.state;
    while (state() === "idle") await new Promise((resolve) => setImmediate(resolve));
    expect(state()).toBe("retiring");
    expect((await harness.run("echo", "next")).worker).not.toBe(worker);
  } finally {
    process.kill(escaped, "SIGKILL");
  }
});

describe("beside others on one worker", () => {
  test("an uncaught error of a timer fails its own attempt, and the others finish before the worker goes", async () => {
    const harness = await start("misdeeds", { concurrency: 2 });
    const neighbour = await harness.begin("waits_for_abort");
    const culprit = await harness.begin("throws_in_a_timer");
    expect(culprit.attempt.worker).toBe(neighbour.attempt.worker);
    const { pid } = workerOf(harness, neighbour.attempt.worker);
    expect((await culprit.ended).outcome).toMatchObject({ errorKind: "crashed", error: "RangeError: in a timer" });

    await harness.until(() => workerOf(harness, neighbour.attempt.worker).state === "retiring");
    const next = await harness.run("echo", "next");
    expect(next.worker).not.toBe(neighbour.attempt.worker);
    neighbour.attempt.abort("cancelled");
    expect((await neighbour.ended).outcome).toEqual(completed("stopped"));
    await gone(pid);
  });

  test("an error in a listener for the abort fails its own attempt", async () => {
    const { begin } = await start("misdeeds", { concurrency: 2 });
    const neighbour = await begin("waits_for_abort");
    const culprit = await begin("throws_in_abort");
    await Promise.all([neighbour.logged, culprit.logged]);
    culprit.attempt.abort("timeout");
    expect((await culprit.ended).outcome).toMatchObject({ errorKind: "crashed", error: "Error: in the listener" });
    neighbour.attempt.abort("timeout");
    expect((await neighbour.ended).outcome).toEqual(completed("stopped"));
  });

  test("a rejection whose stack names the handler fails its attempt, and the others finish", async () => {
    const { begin } = await start("misdeeds", { concurrency: 2 });
    const neighbour = await begin("waits_for_abort");
    const culprit = await begin("rejects");
    await neighbour.logged;
    expect((await culprit.ended).outcome).toMatchObject({ errorKind: "crashed", error: "RangeError: nobody waits" });
    neighbour.attempt.abort("timeout");
    expect((await neighbour.ended).outcome).toEqual(completed("stopped"));
  });

  test("a rejection that may be of several interrupts them, and counts as their death only", async () => {
    const { begin, result } = await start("misdeeds", { concurrency: 3 });
    const neighbour = await begin("waits_for_abort");
    const both = [await begin("rejects"), await begin("rejects")];
    const reason = "no code caught RangeError: nobody waits";
    for (const { ended } of both) {
      expect((await ended).outcome).toEqual({ kind: "interrupted", reason, workerDied: true });
    }
    expect((await neighbour.ended).outcome).toEqual({ kind: "interrupted", reason, workerDied: false });
    expect(await result("echo", "next")).toBe("next");
  });

  test("a rejection that names nobody interrupts them all", async () => {
    const { begin } = await start("misdeeds", { concurrency: 2 });
    const both = [await begin("waits_for_abort"), await begin("rejects", { with: "a string" })];
    const reason = "no code caught NonErrorThrown: 'nobody waits'";
    for (const { ended } of both) {
      expect((await ended).outcome).toEqual({ kind: "interrupted", reason, workerDied: true });
    }
  });

  test("an attempt that exits is known by its context, and the others are given back", async () => {
    const { begin } = await start("misdeeds", { concurrency: 2 });
    const neighbour = await begin("waits_for_abort");
    const culprit = await begin("exits_in_a_timer");
    const reason = "the worker exited with code 5";
    expect((await culprit.ended).outcome).toMatchObject({
      errorKind: "crashed",
      error: expect.stringContaining(reason),
    });
    expect((await neighbour.ended).outcome).toEqual({ kind: "interrupted", reason, workerDied: false });
  });

  test("a native crash interrupts them all, and counts as a death", async () => {
    const { begin, result } = await start("misdeeds", { concurrency: 2 });
    const both = [await begin("waits_for_abort"), await begin("crashes")];
    const interrupted = { kind: "interrupted", reason: "the worker was killed by SIGSEGV", workerDied: true } as const;
    for (const { ended } of both) expect((await ended).outcome).toEqual(interrupted);
    expect(await result("echo", "next")).toBe("next");
  });
});
