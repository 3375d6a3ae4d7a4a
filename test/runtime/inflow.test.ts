import { expect, test } from "bun:test";
import { Heartbeat } from "../../src/runtime/heartbeat.ts";
import { Inflow } from "../../src/runtime/inflow.ts";

const megabyte = 2 ** 20;

/** An inflow whose worker answers or does not, with the meters in the test's hands. */
function inflow(worker: "answers" | "is silent") {
  const meters = { held: 0, written: 0 };
  const floods: string[] = [];
  // Time is over at once for whom nothing answers.
  const clock = {
    now: () => 0,
    after(_ms: number, run: () => void) {
      const timer = setTimeout(run, worker === "answers" ? 60_000 : 0);
      return () => clearTimeout(timer);
    },
  };
  const heartbeat = new Heartbeat(
    {
      pid: 1,
      memoryGuard: "none",
      ended: new Promise(() => undefined),
      send(message) {
        if (worker === "is silent" || message.type !== "ping") return;
        watched.heard();
        queueMicrotask(() => heartbeat.pong(message.id));
      },
      kill: () => undefined,
    },
    clock,
  );
  const watched = new Inflow(1, heartbeat, () => floods.push("flood"), {
    held: () => meters.held * megabyte,
    written: () => meters.written * megabyte,
  });
  return { watched, meters, floods };
}

test("a worker that writes unheard while the server grows, and does not answer, floods", async () => {
  const { watched, meters, floods } = inflow("is silent");
  await watched.check();
  Object.assign(meters, { held: 200, written: 200 });
  await watched.check();
  expect(floods).toEqual(["flood"]);
});

test("a worker that answers, writes elsewhere, or only sees the server grow does not", async () => {
  for (const [worker, now] of [
    ["answers", { held: 200, written: 200 }],
    ["is silent", { held: 10, written: 10_000 }],
    ["is silent", { held: 10_000, written: 10 }],
  ] as const) {
    const { watched, meters, floods } = inflow(worker);
    await watched.check();
    Object.assign(meters, now);
    await watched.check();
    expect(floods).toEqual([]);
  }
});

test("what was written before the last message does not count", async () => {
  const { watched, meters, floods } = inflow("is silent");
  await watched.check();
  Object.assign(meters, { held: 200, written: 200 });
  watched.heard();
  await watched.check();
  Object.assign(meters, { held: 250, written: 250 });
  await watched.check();
  expect(floods).toEqual([]);
});
