import { join } from "node:path";
import { parseArgs } from "node:util";
import { simulatePeriodic } from "../periodic/simulate.ts";
import { type Failure, type Simulation, simulate } from "./simulate.ts";

/**
 * `bun run simulate`: plays random stories, and keeps the one that fails for the tests to come; with `--periodic` stories of
 * periodic tasks.
 */
const kept = join(import.meta.dir, "kept");

const { isPeriodic, ...options } = readOptions();
const began = performance.now();
const report = isPeriodic ? await simulatePeriodic(options) : await keep(await simulate(options));
const seconds = ((performance.now() - began) / 1_000).toFixed(1);
if (report === null) {
  console.log(`${options.runs} runs in ${seconds} s: every invariant holds`);
} else {
  console.error(report);
  process.exitCode = 1;
}

async function keep(failure: Failure | null): Promise<string | null> {
  if (failure === null) return null;
  const file = join(kept, `${Bun.hash.crc32(JSON.stringify(failure.story)).toString(16)}.json`);
  await Bun.write(file, `${JSON.stringify(failure.story)}\n`);
  return `${failure.report}\nKept: ${file}, which the tests play from now on`;
}

function readOptions(): Simulation & { readonly isPeriodic: boolean } {
  const { values } = parseArgs({
    options: {
      runs: { type: "string", default: "1000" },
      seed: { type: "string" },
      path: { type: "string" },
      periodic: { type: "boolean", default: false },
    },
  });
  const runs = wholeNumber("--runs", values.runs);
  return {
    isPeriodic: values.periodic,
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
