import { expect, test } from "bun:test";
import { completed, isAlive, start, workerOf } from "./harness.ts";

// Only Linux tells how much memory another process holds.
const limits = { workerMemoryMb: 200 };

test("an attempt that takes more memory than its worker may have fails with memory", async () => {
  const harness = await start("misdeeds", limits);
  const { ended, attempt } = await harness.begin("hogs", { megabytes: 10_000 });
  const { pid } = workerOf(harness, attempt.worker);
  expect((await ended).outcome).toEqual({
    kind: "failed",
    errorKind: "memory",
    error: expect.stringMatching(/^MemoryLimitError: the worker used \d+ MB, more than its 200 MB$/),
    stack: null,
  });
  expect(isAlive(pid)).toBe(false);
  expect(await harness.result("echo", "next")).toBe("next");
});

test("of several attempts that share the memory none is blamed, and it counts as a death", async () => {
  const { begin, result } = await start("misdeeds", { ...limits, concurrency: 2 });
  const both = [await begin("waits_for_abort"), await begin("hogs", { megabytes: 10_000 })];
  for (const { ended } of both) {
    expect((await ended).outcome).toMatchObject({ kind: "interrupted", workerDied: true });
  }
  expect(await result("echo", "next")).toBe("next");
});

test("a worker that has grown is replaced once it is free, and what it ran is not harmed", async () => {
  const harness = await start("misdeeds", { ...limits, workerMemoryMb: 300 });
  const { outcome, worker } = await harness.run("hogs", { megabytes: 180 });
  expect(outcome).toEqual(completed(18));
  await harness.until(() => harness.runner.workers().every(({ id }) => id !== worker));
  expect(harness.warnings).toEqual([]);
});

test("a worker tells how much memory it holds", async () => {
  const harness = await start("misdeeds");
  const { attempt, logged } = await harness.begin("never_settles");
  await logged;
  const known = () => workerOf(harness, attempt.worker).rssBytes;
  while (known() === null) await new Promise((resolve) => setImmediate(resolve));
  expect(known()).toBeWithin(10 * 2 ** 20, 512 * 2 ** 20);
});

test("a system short of memory takes a worker before its server", async () => {
  const harness = await start("basic");
  await harness.result("echo", "ready");
  const pids = harness.runner.workers().map(({ pid }) => pid);
  const adjusted = (pid: number) => Bun.file(`/proc/${pid}/oom_score_adj`).text();
  expect(await Promise.all(pids.map(adjusted))).toEqual(pids.map(() => "1000\n"));
  expect(await adjusted(process.pid)).not.toBe("1000\n");
});
