import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { residentBytes } from "../../src/runtime/memory.ts";
import { completed, gone, isAlive, start, temporaryFolder, workerOf } from "./harness.ts";

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

test("what a handler has started counts as its own, and is killed with it", async () => {
  const { begin } = await start("misdeeds", { ...limits, workerMemoryMb: 300 });
  const { ended, logged } = await begin("hogs_elsewhere", { megabytes: 500 });
  const child = Number(await logged);
  expect((await ended).outcome).toMatchObject({
    errorKind: "memory",
    error: expect.stringMatching(/^MemoryLimitError: the worker used \d+ MB, more than its 300 MB$/),
  });
  await gone(child);
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

describe("the memory of a process", () => {
  /** What the system would tell of a process, the second thread of which started `children`. */
  function tell(proc: string, pid: number, command: string, kilobytes: object, children: readonly number[] = []): void {
    mkdirSync(join(proc, String(pid)));
    const status = Object.entries(kilobytes).map(([name, value]) => `${name}:\t  ${value} kB\n`);
    writeFileSync(join(proc, `${pid}/status`), `Name:\tx\n${status.join("")}`);
    writeFileSync(join(proc, `${pid}/cmdline`), command);
    if (children.length === 0) return;
    for (const thread of [pid, pid + 1]) mkdirSync(join(proc, `${pid}/task/${thread}`), { recursive: true });
    writeFileSync(join(proc, `${pid}/task/${pid}/children`), "");
    writeFileSync(join(proc, `${pid}/task/${pid + 1}/children`), children.map((child) => `${child} `).join(""));
  }

  test("is what it holds, and what those hold for themselves that came of it", async () => {
    const proc = await temporaryFolder();
    tell(proc, 10, "worker", { VmRSS: 100, RssAnon: 60, RssFile: 40 }, [20, 30, 40]);
    tell(proc, 20, "child", { VmRSS: 1_000, RssAnon: 7, RssFile: 993, RssShmem: 2 }, [50]);
    tell(proc, 30, "dead", {});
    tell(proc, 50, "grandchild", { VmRSS: 1_000, RssAnon: 10 });
    expect(residentBytes(10, proc)).toBe((100 + 7 + 2 + 10) * 1024);
  });

  test("is not counted again for one that was just forked, and is its parent still", async () => {
    const proc = await temporaryFolder();
    tell(proc, 10, "worker", { VmRSS: 100, RssAnon: 60 }, [20]);
    tell(proc, 20, "worker", { VmRSS: 100, RssAnon: 60 });
    expect(residentBytes(10, proc)).toBe(100 * 1024);
  });

  test("of one that starts more than can be looked at is that of the first ones", async () => {
    const proc = await temporaryFolder();
    const [children, grandchildren] = [100, 1_000].map((first) => Array.from({ length: 40 }, (_, n) => first + n));
    tell(proc, 10, "worker", { VmRSS: 100 }, children);
    for (const child of children ?? []) tell(proc, child, "child", { RssAnon: 1 }, child === 100 ? grandchildren : []);
    for (const grandchild of grandchildren ?? []) tell(proc, grandchild, "grandchild", { RssAnon: 1 });
    expect(residentBytes(10, proc)).toBe((100 + 64) * 1024);
  });

  test("is not known of one that is gone", async () => {
    expect(residentBytes(10, await temporaryFolder())).toBeNull();
  });
});

test("a system short of memory takes a worker before its server", async () => {
  const harness = await start("basic");
  await harness.result("echo", "ready");
  const pids = harness.runner.workers().map(({ pid }) => pid);
  const adjusted = (pid: number) => Bun.file(`/proc/${pid}/oom_score_adj`).text();
  expect(await Promise.all(pids.map(adjusted))).toEqual(pids.map(() => "1000\n"));
  expect(await adjusted(process.pid)).not.toBe("1000\n");
});
