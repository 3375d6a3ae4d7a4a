import { parseArgs } from "node:util";
import { periodicCrashRounds } from "./periodic-rounds.ts";
import { crashRounds } from "./rounds.ts";

/** `bun run crash`: kills a server at random moments, or with `--periodic` as its periodic tasks fire, as often as one likes. */
const { values } = parseArgs({
  options: { rounds: { type: "string", default: "20" }, periodic: { type: "boolean", default: false } },
});
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  console.error(`--rounds takes a number from 1 on, not ${JSON.stringify(values.rounds)}`);
  process.exit(1);
}

const { faults, folder } = await (values.periodic ? killAsItFires() : killAtRandom());
if (faults.length === 0) {
  console.log("Every invariant holds");
} else {
  console.error(`${faults.join("\n")}\nThe database and the handlers' journal are kept in ${folder}`);
  process.exitCode = 1;
}

async function killAtRandom() {
  const report = await crashRounds(rounds, tell);
  console.log(`${rounds} kills, ${report.acknowledged} tasks acknowledged, ${report.interrupted} attempts cut off`);
  return report;
}

async function killAsItFires() {
  const report = await periodicCrashRounds(rounds, tell);
  console.log(`${rounds} kills, ${report.fired} nominal times fired, ${report.others} skipped or missed`);
  return report;
}

function tell(round: number): void {
  if (round % 10 === 0) console.log(`${round} of ${rounds} kills`);
}
