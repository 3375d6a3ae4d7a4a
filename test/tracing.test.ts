import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createTracing, type Tracing } from "../src/tracing.ts";
import { type LogEntry, recorder, testEngine } from "./support/engine.ts";
import { type Receiver, startReceiver } from "./support/otlp.ts";
import { aTask } from "./support/tasks.ts";

let receiver: Receiver;
let lines: LogEntry[];
let tracing: Tracing;
beforeEach(() => {
  receiver = startReceiver();
  lines = [];
  // The exporter reads the process's own.
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = receiver.url;
  const env = { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" };
  tracing = createTracing({ env, version: "1.2.3", log: recorder(lines) });
});
afterEach(async () => {
  delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  await tracing.stop();
  await receiver[Symbol.asyncDispose]();
});

async function sent() {
  await tracing.stop();
  return receiver.spans;
}

test("more spans than can be sent are dropped, so that memory stays bounded, and the log says so once", async () => {
  for (let n = 0; n < 20_000; n++) tracing.tracer.submitting([aTask()]).ended();
  // Those that wait, and a batch under way.
  expect((await sent()).length).toBeLessThanOrEqual(2_048 + 512);
  expect(lines.length).toBeLessThanOrEqual(1);
});

test("a task that nobody submitted begins its trace with the wait", async () => {
  const runAt = Date.UTC(2030, 0, 1);
  const task = aTask({ status: "running", runAt, startedAt: runAt + 500, attempt: 1 });
  const traceparent = tracing.tracer.started(task);
  tracing.tracer.ended(task, null);
  const [wait, attempt] = await sent();
  expect(wait).toMatchObject({ startTimeUnixNano: `${runAt}000000`, endTimeUnixNano: `${runAt + 500}000000` });
  expect(wait?.parentSpanId ?? "").toBe("");
  expect(attempt).toMatchObject({ traceId: wait?.traceId, parentSpanId: wait?.spanId });
  expect(attempt?.attributes).toMatchObject({ "taskflow.attempt.outcome": "discarded" });
  expect(traceparent).toBe(`00-${attempt?.traceId}-${attempt?.spanId}-01`);
});

describe("in the engine", () => {
  test("every attempt is drawn once with what became of it, also one that never got to a worker", async () => {
    const engine = await testEngine({ slots: 10, tracer: tracing.tracer });
    const timedOut = await engine.add({ timeoutMs: 1_000, maxRetries: 0 });
    const cancelled = await engine.add();
    const unfit = await engine.add({ funcName: "add_numbers", args: [1, 2], delayMs: 500 });
    await engine.next("task_started", cancelled.id);
    engine.catalog.define("add_numbers", {
      inputSchema: { type: "object", properties: { c: { type: "number" } }, required: ["c"] },
    });
    await engine.cancel(cancelled.id);
    await engine.clock.advance(10_000);
    await engine.next("task_failed", timedOut.id);
    await engine.next("task_failed", unfit.id);
    await engine.next("task_cancelled", cancelled.id);
    const attempts = (await sent()).filter(({ name }) => name.startsWith("attempt"));
    const told = attempts.map(({ attributes, status }) => [
      attributes["taskflow.task.id"],
      attributes["taskflow.attempt.outcome"],
      attributes["error.type"],
      status.code,
    ]);
    expect(told.toSorted()).toEqual(
      [
        [timedOut.id, "timed_out", "timeout", 2],
        [cancelled.id, "cancelled", undefined, 0],
        [unfit.id, "failed", "permanent", 2],
      ].toSorted(),
    );
  });

  test("a submission that the store refuses is drawn with the reason", async () => {
    const engine = await testEngine({ tracer: tracing.tracer });
    engine.faults.refuse("insert");
    await engine.add().catch((error: unknown) => expect(error).toMatchObject({ code: "store_unavailable" }));
    const [submitted] = await sent();
    expect(submitted).toMatchObject({ name: "submit echo", status: { code: 2 } });
    expect(submitted?.attributes["error.type"]).toBe("store_unavailable");
  });
});
