import { describe, expect, test } from "bun:test";
import { completed, gone, isAlive, shared, start, workerOf } from "./harness.ts";

const misdeeds = shared("misdeeds");
const killed = {
  kind: "interrupted",
  reason: "the worker was killed, as a task on it did not stop",
  workerDied: false,
} as const;

describe("alone on its worker, an attempt that is ended by force", () => {
  test.each(["loops", "sleeps_sync", "execs_sync", "backtracks", "wasm_loops", "never_settles", "ignores_sigterm"])(
    "(%s) is gone with its process, and the next one works",
    async (funcName) => {
      const harness = await misdeeds();
      const { attempt, logged, ended, endings } = await harness.begin(funcName);
      const { pid } = workerOf(harness, attempt.worker);
      await logged;
      attempt.abort("timeout");
      attempt.kill();
      attempt.kill();
      expect(await ended).toEqual({ outcome: killed, worker: attempt.worker });
      expect(isAlive(pid)).toBe(false);
      expect(await harness.result("echo", "next")).toBe("next");
      attempt.kill();
      attempt.abort("timeout");
      expect(await harness.result("echo", "after")).toBe("after");
      expect(endings()).toBe(1);
    },
  );
});

describe("a process that a handler started", () => {
  test.each(["exit", "kill", "return"])("ends with its worker (%s)", async (how) => {
    const harness = await start("misdeeds", { workerMaxAttempts: 1 });
    const { attempt, logged, ended } = await harness.begin("leaves_a_process", { how });
    const pid = Number(await logged);
    if (how === "kill") {
      expect(isAlive(pid)).toBe(true);
      attempt.kill();
    }
    await ended;
    await gone(pid);
  });
});

describe("beside another on one worker, an attempt that is ended by force", () => {
  test("is abandoned while the event loop turns, and the other finishes before the worker goes", async () => {
    const harness = await start("misdeeds", { concurrency: 2 });
    const neighbour = await harness.begin("waits_for_abort");
    const culprit = await harness.begin("answers_late");
    const { pid } = workerOf(harness, culprit.attempt.worker);
    await Promise.all([neighbour.logged, culprit.logged]);
    culprit.attempt.abort("timeout");
    culprit.attempt.kill();
    const reason = "the attempt did not stop and was abandoned";
    expect((await culprit.ended).outcome).toEqual({ kind: "interrupted", reason, workerDied: false });
    expect(isAlive(pid)).toBe(true);

    const next = await harness.run("echo", "next");
    expect(next.worker).not.toBe(neighbour.attempt.worker);
    neighbour.attempt.abort("timeout");
    expect((await neighbour.ended).outcome).toEqual(completed("stopped"));
    await gone(pid);
    expect(culprit.endings()).toBe(1);
  });

  test("takes the other with it when the event loop stands still", async () => {
    const harness = await start("misdeeds", { concurrency: 2 });
    const neighbour = await harness.begin("waits_for_abort");
    await neighbour.logged;
    const culprit = await harness.begin("loops");
    await culprit.logged;
    culprit.attempt.kill();
    expect((await culprit.ended).outcome).toEqual(killed);
    expect((await neighbour.ended).outcome).toEqual(killed);
    expect(await harness.result("echo", "next")).toBe("next");
  });

  test("is not blamed for what an abandoned one does later", async () => {
    const harness = await start("misdeeds", { concurrency: 2 });
    const neighbour = await harness.begin("waits_for_abort");
    const culprit = await harness.begin("never_settles");
    const { pid } = workerOf(harness, culprit.attempt.worker);
    await Promise.all([neighbour.logged, culprit.logged]);
    culprit.attempt.kill();
    await culprit.ended;
    process.kill(pid, "SIGSEGV");
    const reason = "the worker was killed by SIGSEGV";
    expect((await neighbour.ended).outcome).toEqual({ kind: "interrupted", reason, workerDied: true });
  });
});

test("an attempt that ends while its worker is asked whether it lives keeps its outcome", async () => {
  const { begin } = await start("misdeeds", { concurrency: 2 });
  const neighbour = await begin("waits_for_abort");
  const attempt = await begin("blocks", { ms: 200 });
  await Promise.all([neighbour.logged, attempt.logged]);
  attempt.attempt.kill();
  expect((await attempt.ended).outcome).toEqual(completed("done"));
  expect(attempt.endings()).toBe(1);
  neighbour.attempt.abort("timeout");
  expect((await neighbour.ended).outcome.kind).toBe("completed");
});
