import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Simulation, simulate } from "./simulate.ts";

/** `bun run simulate`: plays random stories, and keeps the one that fails for the tests to come. */
const kept = join(import.meta.dir, "kept");

const options = readOptions();
const began = performance.now();
const failure = await simulate(options);
const seconds = ((performance.now() - began) / 1_000).toFixed(1);
if (failure === null) {
  console.log(`${options.runs} runs in ${seconds} s: every invariant holds`);
} else {
  const file = join(kept, `${Bun.hash.crc32(JSON.stringify(failure.story)).toString(16)}.json`);
  await Bun.write(file, `${JSON.stringify(failure.story)}\n`);
  console.error(`${failure.report}\nKept: ${file}, which the tests play from now on`);
  process.exitCode = 1;
}

function readOptions(): Simulation {
  const { values } = parseArgs({
    options: { runs: { type: "string", default: "1000" }, seed: { type: "string" }, path: { type: "string" } },
  });
  const runs = wholeNumber("--runs", values.runs);
  return {
    runs,
    ...(values.seed === undefined ? {} : { seed: wholeNumber("--seed", values.seed) }),
    ...(values.path === undefined ? {} : { path: values.path }),
  };
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  console.error(`${name} takes a whole number, not ${JSON.stringify(text)}`);
  process.exit(1);
}
