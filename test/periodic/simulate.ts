import fc from "fast-check";
import type { Simulation } from "../simulation/simulate.ts";
import { play } from "./play.ts";
import { stories } from "./steps.ts";

/** Plays so many random stories; says what broke, the shortest story that breaks it and how to see it again, or null. */
export async function simulatePeriodic({ runs, seed, path }: Simulation): Promise<string | null> {
  const played = fc.asyncProperty(stories, async (story) => {
    await play(story);
  });
  const result = await fc.check(played, {
    numRuns: runs,
    ...(seed === undefined ? {} : { seed }),
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  });
  if (!result.failed) return null;
  const again = `bun run simulate --periodic --seed ${result.seed} --path ${result.counterexamplePath}`;
  const reason = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance);
  const story = JSON.stringify(result.counterexample?.[0]);
  return `Broken after ${result.numRuns} runs:\n${reason}\n\n${story}\n\nAgain: ${again}`;
}
