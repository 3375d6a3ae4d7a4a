import { expect, test } from "bun:test";
import fc from "fast-check";
import { play } from "./play.ts";
import { stories } from "./steps.ts";

test("whatever happens to entries, the clock, the disk and the server, each nominal time is decided once", async () => {
  const played = fc.asyncProperty(stories, async (story) => {
    expect(await play(story)).toBeGreaterThan(0);
  });
  await fc.assert(played, { numRuns: Number(process.env.RUNS ?? 200) });
}, 120_000);
