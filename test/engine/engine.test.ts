import { describe, expect, test } from "bun:test";
import { FakeClock } from "../support/clock.ts";
import { type TestEngine, testEngine } from "../support/engine.ts";

async function running(engine: TestEngine): Promise<string> {
  const { id } = await engine.add();
  await engine.next("task_started", id);
  return id;
}

/** Stops the engine; says whether that is through. */
function stopping(engine: TestEngine): () => boolean {
  let stopped = false;
  void engine.stop().then(() => {
    stopped = true;
  });
  return () => stopped;
}

describe("a stop", () => {
  test("with nothing running is through at once and leaves no timer behind", async () => {
    const engine = await testEngine();
    await engine.add({ delayMs: 1_000 });
    const isStopped = stopping(engine);
    await engine.clock.settle();
    expect(isStopped()).toBe(true);
    expect(engine.clock.pending).toBe(0);
  });

  test("claims and queues nothing more", async () => {
    const engine = await testEngine();
    const id = await running(engine);
    const queued = await engine.add();
    const pending = await engine.add({ delayMs: 1_000 });
    stopping(engine);
    await engine.clock.advance(2_000);
    engine.runner.of(id).complete();
    await engine.clock.advance(5_000);
    expect(engine.runner.order).toEqual([id]);
    expect(await engine.find(queued.id)).toMatchObject({ status: "queued" });
    expect(await engine.find(pending.id)).toMatchObject({ status: "pending" });
  });

  test("says that it is draining", async () => {
    const engine = await testEngine();
    await running(engine);
    stopping(engine);
    expect(engine.health()).toEqual({ status: "draining", reason: "the server is stopping" });
  });

  test("waits for an attempt that ends within the grace", async () => {
    const engine = await testEngine({ settings: { shutdownGraceMs: 30_000 } });
    const id = await running(engine);
    const isStopped = stopping(engine);
    await engine.clock.advance(20_000);
    expect(isStopped()).toBe(false);
    expect(engine.runner.of(id).aborts).toEqual([]);
    engine.runner.of(id).complete("in time");
    await engine.clock.settle();
    expect(isStopped()).toBe(true);
    expect(await engine.find(id)).toMatchObject({ status: "completed" });
    expect(engine.clock.pending).toBe(0);
  });

  test("lets an attempt fail within the grace, which is retried after the next start", async () => {
    const engine = await testEngine();
    const id = await running(engine);
    const isStopped = stopping(engine);
    engine.runner.of(id).fail();
    await engine.clock.settle();
    expect(isStopped()).toBe(true);
    expect(await engine.find(id)).toMatchObject({ status: "retrying", retryCount: 1 });
  });

  test("aborts what still runs so that the grace to end by force is over with its own", async () => {
    const engine = await testEngine({ settings: { shutdownGraceMs: 30_000, killGraceMs: 2_000 } });
    const id = await running(engine);
    const attempt = engine.runner.of(id);
    const isStopped = stopping(engine);
    await engine.clock.advance(27_999);
    expect(attempt.aborts).toEqual([]);
    await engine.clock.advance(1);
    expect(attempt).toMatchObject({ aborts: ["shutdown"], kills: 0 });
    expect(isStopped()).toBe(true);
    expect(await engine.find(id)).toMatchObject({ status: "queued", retryCount: 0, errorKind: "interrupted" });
    expect(await engine.attempts(id)).toMatchObject([
      { outcome: "interrupted", error: "InterruptedError: the server stopped" },
    ]);
  });

  test("kills what ignores that, and gives the attempt back", async () => {
    const engine = await testEngine({ slots: 2, settings: { shutdownGraceMs: 30_000, killGraceMs: 2_000 } });
    engine.runner.onAbort = "ignore";
    const ids = [await running(engine), await running(engine)];
    const isStopped = stopping(engine);
    await engine.clock.advance(29_999);
    expect(isStopped()).toBe(false);
    await engine.clock.advance(1);
    expect(isStopped()).toBe(true);
    for (const id of ids) {
      expect(engine.runner.of(id)).toMatchObject({ aborts: ["shutdown"], kills: 1 });
      expect(await engine.find(id)).toMatchObject({ status: "queued", retryCount: 0, crashes: 0 });
    }
  });

  test("takes the result of an attempt that completes although it was aborted", async () => {
    const engine = await testEngine();
    engine.runner.onAbort = "ignore";
    const id = await running(engine);
    const isStopped = stopping(engine);
    await engine.clock.advance(29_000);
    engine.runner.of(id).complete("just so");
    await engine.clock.settle();
    expect(isStopped()).toBe(true);
    expect(await engine.find(id)).toMatchObject({ status: "completed" });
  });

  test("without any grace ends everything at once", async () => {
    const engine = await testEngine({ settings: { shutdownGraceMs: 0 } });
    engine.runner.onAbort = "ignore";
    const id = await running(engine);
    const isStopped = stopping(engine);
    await engine.clock.advance(0);
    expect(engine.runner.of(id).kills).toBe(1);
    expect(isStopped()).toBe(true);
  });

  test("leaves a timeout and a cancellation what they are", async () => {
    const engine = await testEngine({ slots: 2 });
    engine.runner.onAbort = "ignore";
    const timedOut = await engine.add({ timeoutMs: 27_000, maxRetries: 0 });
    const cancelled = await running(engine);
    stopping(engine);
    await engine.clock.advance(27_500);
    await engine.cancel(cancelled);
    await engine.clock.advance(10_000);
    expect(await engine.find(timedOut.id)).toMatchObject({ status: "failed", errorKind: "timeout" });
    expect(await engine.find(cancelled)).toMatchObject({ status: "cancelled" });
  });

  test("writes how an attempt ended although the store refuses for a while", async () => {
    const engine = await testEngine();
    const id = await running(engine);
    engine.faults.refuse();
    const isStopped = stopping(engine);
    engine.runner.of(id).complete();
    await engine.clock.advance(3_000);
    expect(isStopped()).toBe(false);
    engine.faults.heal();
    await engine.clock.advance(1_000);
    expect(isStopped()).toBe(true);
    expect(await engine.find(id)).toMatchObject({ status: "completed" });
  });

  test("does not wait for ever for a store that refuses: the attempt is given back by the next start", async () => {
    const engine = await testEngine({ settings: { shutdownGraceMs: 30_000 } });
    const id = await running(engine);
    engine.faults.refuse();
    const isStopped = stopping(engine);
    engine.runner.of(id).complete();
    await engine.clock.advance(34_000);
    expect(isStopped()).toBe(false);
    await engine.clock.advance(1_000);
    expect(isStopped()).toBe(true);
    expect(engine.lines).toContainEqual(expect.objectContaining({ level: "error", fields: { tasks: 1 } }));
    const next = await testEngine({ store: engine.store, clock: new FakeClock(engine.clock.now()) });
    await next.next("task_started", id);
    expect(await next.attempts(id)).toMatchObject([{ outcome: "interrupted" }, { outcome: null }]);
  });

  test("is followed by a start that runs what was interrupted", async () => {
    const engine = await testEngine({ settings: { shutdownGraceMs: 0 } });
    const id = await running(engine);
    stopping(engine);
    await engine.clock.advance(0);
    const next = await testEngine({ store: engine.store, clock: engine.clock });
    await next.next("task_started", id);
    expect(next.runner.of(id).request).toMatchObject({ lease: 2, attempt: 1 });
    next.runner.of(id).complete();
    await next.next("task_completed", id);
  });
});
