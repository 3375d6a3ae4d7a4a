import { expect, test } from "bun:test";
import { existsSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../../src/domain/clock.ts";
import { systemClock } from "../../src/system-clock.ts";
import { gone, isAlive, start, temporaryFolder, workerOf } from "./harness.ts";

test("without workers it knows the handlers and runs nothing", async () => {
  const { runner, catalog, stop } = await start("basic", { numWorkers: 0 });
  expect(catalog.find("greet")?.status).toBe("ready");
  expect([runner.slots, runner.free(), runner.workers(), runner.fault()]).toEqual([0, 0, [], null]);
  await stop();
});

test("attempts go to the least busy worker, as many as there are slots", async () => {
  const { begin, runner, until } = await start("misdeeds", { numWorkers: 2, concurrency: 2 });
  await until(() => runner.free() === 4);
  const started = [];
  for (let n = 0; n < 4; n++) started.push(await begin("waits_for_abort", {}, { taskId: `t${n}` }));
  await Promise.all(started.map(({ logged }) => logged));
  expect(runner.free()).toBe(0);
  expect(runner.workers()).toEqual([
    expect.objectContaining({ id: "w1", state: "busy", tasks: ["t0", "t2"], attempts: 2 }),
    expect.objectContaining({ id: "w2", state: "busy", tasks: ["t1", "t3"], attempts: 2 }),
  ]);
  started[0]?.attempt.abort("cancelled");
  await started[0]?.ended;
  expect(runner.free()).toBe(1);
  expect((await begin("echo")).attempt.worker).toBe("w1");
});

test("a worker is replaced after its number of attempts, and the attempts go on", async () => {
  const harness = await start("misdeeds", { workerMaxAttempts: 2 });
  const workers = [];
  for (let n = 0; n < 5; n++) workers.push((await harness.run("echo", n)).worker);
  expect(workers).toEqual(["w1", "w1", "w2", "w2", "w3"]);
});

test("workers that make room for new ones leave no more slots than there are", async () => {
  const { begin, runner, until } = await start("misdeeds", { concurrency: 2, workerMaxAttempts: 2 });
  const old = [await begin("waits_for_abort"), await begin("waits_for_abort")];
  await Promise.all(old.map(({ logged }) => logged));
  await until(() => runner.workers().some(({ id, state }) => id === "w2" && state === "idle"));
  expect(runner.free()).toBe(0);
  old[0]?.attempt.abort("cancelled");
  await old[0]?.ended;
  expect(runner.free()).toBe(1);
});

test("an attempt that finds no worker is given back", async () => {
  const { begin, runner, stop } = await start("misdeeds");
  await begin("echo");
  await stop();
  const returned = Promise.withResolvers<void>();
  const unheard = () => expect.unreachable();
  const attempt = runner.start(
    {
      taskId: "t",
      funcName: "echo",
      input: {},
      lease: 1,
      attempt: 1,
      maxAttempts: 1,
      scheduledFor: null,
      lastRunAt: null,
      traceparent: null,
      isQuick: false,
    },
    { began: unheard, log: unheard, progress: unheard, ended: unheard, returned: returned.resolve },
  );
  attempt.abort("timeout");
  attempt.kill();
  await returned.promise;
});

test("stop interrupts what runs, ends every process and leaves no folder", async () => {
  const harness = await start("misdeeds", { numWorkers: 2 });
  const started = [await harness.begin("loops"), await harness.begin("never_settles")];
  await Promise.all(started.map(({ logged }) => logged));
  const pids = harness.runner.workers().map(({ pid }) => pid);
  const { attempt } = started[1] ?? (await harness.begin("echo"));
  const { pid } = workerOf(harness, attempt.worker);
  const folder = dirname(workingDirectory(pid));
  expect(existsSync(folder)).toBe(true);
  await harness.stop();
  for (const { ended } of started) {
    expect((await ended).outcome).toEqual({ kind: "interrupted", reason: "the server stopped", workerDied: false });
  }
  expect(pids.filter(isAlive)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
  expect(harness.runner.workers()).toEqual([]);
});

test("the working directory goes with its worker", async () => {
  const harness = await start("misdeeds");
  const { attempt, logged, ended } = await harness.begin("never_settles");
  await logged;
  const folder = workingDirectory(workerOf(harness, attempt.worker).pid);
  writeFileSync(join(folder, "left-behind"), "x");
  attempt.kill();
  await ended;
  expect(existsSync(folder)).toBe(false);
});

test("workers that do not start are tried again one at a time, ever more slowly, with the reason, until one does", async () => {
  const needed = join(await temporaryFolder(), "needed");
  writeFileSync(needed, "");
  const waits: number[] = [];
  const retries: (() => void)[] = [];
  // Holds every retry back until the test lets it go.
  const clock: Clock = {
    now: systemClock.now,
    after(delayMs, run) {
      if (![100, 200, 400].includes(delayMs)) return systemClock.after(delayMs, run);
      waits.push(delayMs);
      retries.push(run);
      reached.resolve();
      return () => undefined;
    },
  };
  let reached = Promise.withResolvers<void>();
  const handlerEnv = { NEEDED_FILE: needed };
  const harness = await start("needs_a_file", { numWorkers: 2, clock, handlerEnv });
  await harness.until(() => harness.runner.free() === 2);
  expect(harness.runner.fault()).toBeNull();

  rmSync(needed);
  const running = await Promise.all([1, 2].map(() => harness.begin("starts_while_it_exists")));
  for (const { ended } of running) await ended;
  for (const { pid } of harness.runner.workers()) process.kill(pid, "SIGKILL");
  for (let failure = 0; failure < 3; failure++) {
    await reached.promise;
    expect(harness.runner.fault()).toBe("the worker exited with code 6");
    reached = Promise.withResolvers();
    if (failure === 2) writeFileSync(needed, "");
    retries[failure]?.();
    expect(harness.runner.workers().filter(({ state }) => state === "starting").length).toBeLessThanOrEqual(1);
  }
  expect(await harness.result("starts_while_it_exists")).toBe("started");
  expect(waits).toEqual([100, 200, 400]);
  expect(harness.runner.fault()).toBeNull();
  await harness.until(() => harness.runner.free() === 2);
});

test("a worker that hangs while it starts is ended, with the file that it hangs in", async () => {
  const mark = join(await temporaryFolder(), "mark");
  const { runner, warnings, until } = await start("hangs_the_second_time", {
    handlerEnv: { MARK: mark },
    loadDeadlineMs: 1_500,
  });
  await until(() => runner.fault() !== null);
  expect(runner.fault()).toBe("the worker did not load hangs.ts within 1.5s");
  expect(warnings).not.toEqual([]);
});

test("a handler that loads no more fails its own attempts, and the others run", async () => {
  const mark = join(await temporaryFolder(), "mark");
  const { run, result } = await start("fails_the_second_time", { handlerEnv: { MARK: mark } });
  expect(await result("fine")).toBe("fine");
  expect((await run("fails")).outcome).toMatchObject({
    errorKind: "load_error",
    error: "LoadError: fails.ts:4: Error: no second time",
  });
});

test("an error that no code catches while a file loads harms nobody", async () => {
  const { result, warnings } = await start("rejects_at_load");
  const pid = await result("connects");
  expect(await result("connects")).toBe(pid);
  expect(warnings.map(({ message }) => message)).toContain("an error that no code caught");
});

test("no worker outlives its server, not even one that loops", async () => {
  const connected = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: () => connected.resolve(), close: () => closed.resolve(), data: () => undefined },
  });
  const server = Bun.spawn([process.execPath, join(import.meta.dir, "short-lived-server.ts"), String(listener.port)], {
    stdio: ["ignore", "pipe", "inherit"],
    // What it leaves behind goes with the test.
    env: { ...process.env, TMPDIR: await temporaryFolder() },
  });
  await connected.promise;
  const pid = Number(await firstLine(server.stdout));
  expect(isAlive(pid)).toBe(true);
  server.kill("SIGKILL");
  await closed.promise;
  await gone(pid);
  listener.stop();
});

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  for await (const chunk of stream) return new TextDecoder().decode(chunk).trim();
  throw new Error("nothing was written");
}

function workingDirectory(pid: number): string {
  return readlinkSync(`/proc/${pid}/cwd`);
}
