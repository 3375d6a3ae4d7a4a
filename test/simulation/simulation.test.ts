import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { play } from "./play.ts";
import { simulate } from "./simulate.ts";
import { faultKinds, type Story } from "./steps.ts";

const folder = join(import.meta.dir, "kept");

test.each(readdirSync(folder))("a story that once failed goes well: %s", async (file) => {
  const story: Story = await Bun.file(join(folder, file)).json();
  expect(await play(story)).toBeGreaterThan(0);
});

test("whatever clients, handlers, the disk, the clock and crashes do, every invariant holds", async () => {
  const failure = await simulate({ runs: 1_500 });
  if (failure !== null) throw new Error(failure.report);
}, 120_000);

const one = { delayMs: 0, priority: 2, maxRetries: 1, funcName: "echo" } as const;

/** Every kind of write there is, each more than once, and a restart. */
const everyWrite: Story = {
  seed: 1,
  onAbort: "ignore",
  depth: 2,
  turns: [
    {
      waitMs: 1,
      steps: [
        { do: "submit", submission: one },
        { do: "submit", submission: { ...one, delayMs: 700 } },
      ],
    },
    {
      waitMs: 1,
      steps: [
        { do: "batch", batch: [one, one, { ...one, priority: 0 }] },
        { do: "report", pick: 0 },
        { do: "displace", pick: 0 },
      ],
    },
    {
      waitMs: 150,
      steps: [
        { do: "end", pick: 0, how: "completes" },
        { do: "end", pick: 0, how: "fails" },
      ],
    },
    {
      waitMs: 600,
      steps: [
        { do: "cancel", pick: 2 },
        { do: "cancel", pick: 3 },
      ],
    },
    {
      waitMs: 1,
      steps: [
        { do: "end", pick: 0, how: "loses its worker" },
        { do: "submit", submission: one },
      ],
    },
    {
      waitMs: 0,
      steps: [
        { do: "handler", state: "gone" },
        { do: "end", pick: 0, how: "is interrupted" },
      ],
    },
    { waitMs: 3_000, steps: [{ do: "handler", state: "ready" }] },
    { waitMs: 0, steps: [{ do: "crash" }] },
    {
      waitMs: 600,
      steps: [
        { do: "end", pick: 0, how: "asks to wait" },
        { do: "end", pick: 1, how: "gives up" },
      ],
    },
    {
      waitMs: 1,
      steps: [
        { do: "retry", pick: 0 },
        { do: "retry", pick: 2 },
        { do: "submit", submission: one },
      ],
    },
    { waitMs: 3_000, steps: [{ do: "clear" }, { do: "jump", ms: 3_600_000 }] },
    { waitMs: 3_000, steps: [{ do: "stop" }] },
  ],
};

test.each(faultKinds)(
  "each write in turn is %s, and every invariant holds",
  async (kind) => {
    const writes = await play(everyWrite);
    expect(writes).toBeGreaterThan(30);
    for (let from = 0; from < writes; from++) {
      await play(everyWrite, { kind, from }).catch((error: unknown) => {
        throw new Error(`write ${from} of ${writes}: ${error instanceof Error ? error.message : error}`);
      });
    }
  },
  60_000,
);
