import { expect, spyOn, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../src/domain/clock.ts";
import { lookMs, Pool } from "../../src/runtime/pool.ts";
import { systemClock } from "../../src/system-clock.ts";
import { type Harness, start as startHarness, temporaryFolder, workerOf } from "./harness.ts";

const quick = { isQuick: true } as const;

/** A runtime that looks for workers that are stuck only when the test says so, for all may be slow on a busy machine. */
async function start(options: Parameters<typeof startHarness>[1] = {}) {
  const looks: (() => void)[] = [];
  const clock: Clock = {
    now: systemClock.now,
    after(delayMs, run) {
      if (delayMs !== lookMs) return systemClock.after(delayMs, run);
      looks.push(run);
      return () => undefined;
    },
  };
  const look = () => {
    for (const run of looks.splice(0)) run();
  };
  return { ...(await startHarness("takes_turns", { clock, ...options })), look };
}

/** Resolves when all attempts that waited in vain are told so. */
function allReturned(attempts: readonly ReturnType<Harness["startNow"]>[]): Promise<unknown> {
  return Promise.all(attempts.map(({ returned }) => returned));
}

test("quick attempts wait in their worker and run one after the other, in their order", async () => {
  const { begin, startNow, runner } = await start();
  const first = await begin("spans", {}, quick);
  expect([runner.free(), runner.ahead()]).toEqual([0, 31]);
  const others = Array.from({ length: 31 }, () => startNow("spans", {}, quick));
  expect([runner.free(), runner.ahead()]).toEqual([0, 0]);
  expect(runner.workers()).toMatchObject([{ state: "busy", tasks: ["task"], attempts: 1 }]);
  let before = Number.NEGATIVE_INFINITY;
  for (const { ended } of [first, ...others]) {
    const { outcome } = await ended;
    const { from, to } = JSON.parse(outcome.kind === "completed" ? (outcome.result ?? "") : "");
    expect(from).toBeGreaterThanOrEqual(before);
    before = to;
  }
  expect(runner.workers()).toMatchObject([{ state: "idle", attempts: 32 }]);
});

test("a worker runs as many at once as it may, and begins what waits as these end", async () => {
  const { begin, startNow } = await start({ concurrency: 2 });
  const running = [await begin("waits", {}, quick), await begin("waits", {}, quick)];
  const waiting = startNow("spans", {}, quick);
  let hasBegun = false;
  void waiting.began.then(() => {
    hasBegun = true;
  });
  await Promise.all(running.map(({ logged }) => logged));
  expect(hasBegun).toBe(false);
  running[1]?.attempt.abort("cancelled");
  expect((await waiting.ended).outcome.kind).toBe("completed");
  expect((await running[1]?.ended)?.outcome).toMatchObject({ result: '"aborted"' });
});

test("nothing waits where something runs that is not quick, nor does what is not quick wait", async () => {
  const { begin, startNow, runner } = await start();
  const slow = await begin("waits");
  expect([runner.free(), runner.ahead()]).toEqual([0, 0]);
  slow.attempt.abort("cancelled");
  await slow.ended;
  expect(runner.ahead()).toBe(31);
  await begin("waits", {}, quick);
  await startNow("spans").returned;
});

test("the end of an attempt is told before the next one begins, even one that loops", async () => {
  const { startNow, until, runner } = await start();
  await until(() => runner.free() > 0);
  const first = startNow("spans", {}, quick);
  const loops = startNow("loops", {}, quick);
  expect((await first.ended).outcome.kind).toBe("completed");
  await loops.began;
});

test("what waits for one that blocks its worker is run by others, once, while that still runs", async () => {
  const { begin, startNow, runner, until, look } = await start({ numWorkers: 2 });
  await until(() => runner.free() === 2);
  const blocks = await begin("loops", {}, quick);
  const others = Array.from({ length: 8 }, () => startNow("spans", {}, quick));
  const behind = others.filter(({ attempt }) => attempt.worker === blocks.attempt.worker);
  expect(behind).toHaveLength(4);
  await Promise.all(others.filter((other) => !behind.includes(other)).map(({ ended }) => ended));
  look();
  expect(behind.map(({ attempt }) => attempt.worker)).toEqual(behind.map(() => blocks.attempt.worker));
  look();
  const ends = await Promise.all(others.map(({ ended }) => ended));
  expect(new Set(ends.map(({ worker }) => worker)).has(blocks.attempt.worker)).toBe(false);
  expect(others.map(({ endings }) => endings())).toEqual(others.map(() => 1));
  expect(blocks.endings()).toBe(0);
  // Nobody waits for it again before it has moved on.
  expect(runner.ahead()).toBe(31);
});

test("what waits for one that blocks is returned when no other worker has room", async () => {
  const { begin, startNow, runner, look } = await start();
  const blocks = await begin("loops", {}, quick);
  const behind = [startNow("spans", {}, quick), startNow("spans", {}, quick)];
  for (let n = 0; n < 2; n++) look();
  await allReturned(behind);
  expect([blocks, ...behind].map(({ endings }) => endings())).toEqual([0, 0, 0]);
  expect([runner.free(), runner.ahead()]).toEqual([0, 0]);
});

test("one that waits can be recalled, and those behind it run; one that runs cannot", async () => {
  const { begin, startNow } = await start();
  const file = join(await temporaryFolder(), "marks");
  const first = await begin("spans", {}, quick);
  const [recalled, next] = ["recalled", "next"].map((mark) => startNow("marks", { file, mark }, quick));
  expect(recalled?.attempt.recall()).toBe(true);
  expect([recalled?.attempt.recall(), first.attempt.recall()]).toEqual([false, false]);
  expect((await next?.ended)?.outcome.kind).toBe("completed");
  expect(recalled?.endings()).toBe(0);
  expect(readFileSync(file, "utf8")).toBe("next");
});

test("those that wait have no part in the death of their worker, whoever brings it about", async () => {
  const { begin, startNow, runner } = await start();
  for (const funcName of ["exits", "waits"]) {
    const culprit = await begin(funcName, {}, quick);
    await culprit.logged;
    const behind = [startNow("spans", {}, quick), startNow("spans", {}, quick)];
    if (funcName === "exits") culprit.attempt.abort("cancelled");
    else process.kill(workerOf({ runner }, culprit.attempt.worker).pid, "SIGKILL");
    await allReturned(behind);
    expect((await culprit.ended).outcome).toMatchObject({ kind: "failed", errorKind: "crashed" });
    expect(behind.map(({ endings }) => endings())).toEqual([0, 0]);
  }
});

test("an attempt that its worker had not come to is no suspect of its death", async () => {
  const { run, begin, runner } = await start();
  const { worker } = await run("spans");
  const { pid } = workerOf({ runner }, worker);
  process.kill(pid, "SIGSTOP");
  const attempt = await begin("spans");
  process.kill(pid, "SIGKILL");
  const reason = "the worker was killed by SIGKILL";
  expect((await attempt.ended).outcome).toEqual({ kind: "interrupted", reason, workerDied: false });
});

test("a worker that is replaced gives back what waits", async () => {
  const { begin, startNow } = await start({ workerMaxAttempts: 2 });
  const first = await begin("waits", {}, quick);
  const second = startNow("waits", {}, quick);
  const others = Array.from({ length: 3 }, () => startNow("spans", {}, quick));
  first.attempt.abort("cancelled");
  await allReturned(others);
  await second.logged;
  second.attempt.abort("cancelled");
  expect([(await first.ended).worker, (await second.ended).worker]).toEqual(["w1", "w1"]);
  expect(others.map(({ endings }) => endings())).toEqual([0, 0, 0]);
});

test("what waits does not go to a worker with other code", async () => {
  const { begin, startNow, runner } = await start();
  const running = await begin("waits", {}, quick);
  const waiting = startNow("spans", {}, quick);
  if (!(runner instanceof Pool)) throw new Error("the runner is no pool");
  const [tree = 0] = runner.trees();
  expect(await runner.replace({ number: 2, code: [{ name: "spans", file: "spans.ts", tree }] }, () => undefined)).toBe(
    true,
  );
  await waiting.returned;
  expect(waiting.attempt.worker).toBe(running.attempt.worker);
  running.attempt.abort("cancelled");
  await running.ended;
});

test("a stop returns what waits", async () => {
  const { begin, startNow, stop } = await start({ numWorkers: 2 });
  const running = await begin("waits", {}, quick);
  const behind = Array.from({ length: 4 }, () => startNow("waits", {}, quick)).slice(1);
  await stop();
  await allReturned(behind);
  expect((await running.ended).outcome).toMatchObject({ kind: "interrupted", workerDied: false });
});

test("no handler finds the memory that its worker shares with the server", async () => {
  const { result } = await start();
  expect(await result("files")).toEqual(expect.not.arrayContaining([expect.stringContaining("cells")]));
});

test("without memory to share nothing waits, and all the rest goes on", async () => {
  const mmap = spyOn(Bun, "mmap").mockImplementation(() => {
    throw new Error("no such memory");
  });
  const { begin, runner, run } = await start();
  const running = await begin("waits", {}, quick);
  mmap.mockRestore();
  expect(runner.ahead()).toBe(0);
  running.attempt.abort("cancelled");
  await running.ended;
  expect((await run("spans", {}, quick)).outcome.kind).toBe("completed");
});
