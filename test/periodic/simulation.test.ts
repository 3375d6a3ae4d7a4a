import { expect, test } from "bun:test";
import { play } from "./play.ts";
import { simulatePeriodic } from "./simulate.ts";
import type { Entry, Story } from "./steps.ts";

test("whatever happens to entries, the clock, the disk and the server, each nominal time is decided once", async () => {
  const report = await simulatePeriodic({ runs: 80 });
  if (report !== null) throw new Error(report);
}, 240_000);

const minute = 60_000;
const entry: Entry = { name: "a", expression: "*/10 * * * * *", overlap: "replace", catchUp: "latest", enabled: true };

test("hours of every ten seconds go by with restarts and a clock that is set", async () => {
  const downs = [0, 20_000, 10 * minute, 5 * 60 * minute];
  const story = Array.from({ length: 60 }, (_, index): Story[number] => ({
    waitMs: 2 * minute,
    steps: [
      ...(index === 0 ? [{ do: "save" as const, entry: { ...entry, overlap: "skip" as const } }] : []),
      { do: "end", how: index % 3 === 0 ? "fails" : "completes" },
      ...(index % 7 === 3 ? [{ do: "crash" as const, downMs: downs[index % 4] ?? 0 }] : []),
      ...(index % 11 === 5 ? [{ do: "jump" as const, ms: index % 2 === 0 ? -minute : minute }] : []),
    ],
  }));
  expect(await play(story)).toBeGreaterThan(500);
}, 120_000);

/** Every kind of write that periodic tasks make, a restart, and a running task that is replaced. */
const everyWrite: Story = [
  { waitMs: 1, steps: [{ do: "save", entry }] },
  {
    waitMs: 21_000,
    steps: [{ do: "declare", entries: [{ ...entry, name: "b", overlap: "skip", catchUp: "latest" }] }],
  },
  { waitMs: 9_000, steps: [{ do: "trigger", name: "a" }] },
  { waitMs: 1, steps: [{ do: "patch", name: "a", changes: { expression: "*/30 * * * * *" } }] },
  { waitMs: 31_000, steps: [{ do: "end", how: "completes" }] },
  { waitMs: 31_000, steps: [{ do: "crash", downMs: 600_000 }] },
  { waitMs: 1, steps: [{ do: "patch", name: "b", changes: { enabled: false } }] },
  { waitMs: 1_000, steps: [{ do: "declare", entries: [] }] },
  { waitMs: 1_000, steps: [{ do: "remove", name: "a" }] },
];

test.each(["refused", "lost"] as const)(
  "each write in turn is %s, and each nominal time is decided once",
  async (kind) => {
    const writes = await play(everyWrite);
    expect(writes).toBeGreaterThan(40);
    for (let from = 0; from < writes; from++) {
      await play(everyWrite, { kind, from, writes: 1 }).catch((error: unknown) => {
        throw new Error(`write ${from} of ${writes}: ${error instanceof Error ? error.message : error}`);
      });
    }
  },
  120_000,
);
