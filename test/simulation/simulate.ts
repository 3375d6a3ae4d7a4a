import fc from "fast-check";
import { play } from "./play.ts";
import { type Story, stories } from "./steps.ts";

export interface Simulation {
  readonly runs: number;
  /** Without one, another every time. */
  readonly seed?: number;
  /** Where the failing run of that seed is, as an earlier simulation said: only that one is run. */
  readonly path?: string;
}

/** A story that an invariant did not survive, as short as could be found. */
export interface Failure {
  readonly story: Story;
  /** What broke, and the command that shows it again. */
  readonly report: string;
}

/** Plays so many random stories; null when every invariant holds in all of them. */
export async function simulate({ runs, seed, path }: Simulation): Promise<Failure | null> {
  const result = await fc.check(fc.asyncProperty(stories, playOn), {
    numRuns: runs,
    ...(seed === undefined ? {} : { seed }),
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  });
  const story = result.counterexample?.[0];
  if (!result.failed || story === undefined) return null;
  const again = `bun run simulate --seed ${result.seed} --path ${result.counterexamplePath}`;
  const reason = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance);
  const report = `Broken after ${result.numRuns} runs:\n${reason}\n\n${JSON.stringify(story)}\n\nAgain: ${again}`;
  return { story, report };
}

async function playOn(story: Story): Promise<void> {
  await play(story);
}
