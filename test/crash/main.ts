import { parseArgs } from "node:util";
import { crashRounds } from "./rounds.ts";

/** `bun run crash`: kills a server at random moments, as often as one likes. */
const { values } = parseArgs({ options: { rounds: { type: "string", default: "20" } } });
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  console.error(`--rounds takes a number from 1 on, not ${JSON.stringify(values.rounds)}`);
  process.exit(1);
}

const report = await crashRounds(rounds, (round) => {
  if (round % 10 === 0) console.log(`${round} of ${rounds} kills`);
});
console.log(`${rounds} kills, ${report.acknowledged} tasks acknowledged, ${report.interrupted} attempts cut off`);
if (report.faults.length === 0) {
  console.log("Every invariant holds");
} else {
  console.error(`${report.faults.join("\n")}\nThe database and the handlers' journal are kept in ${report.folder}`);
  process.exitCode = 1;
}
