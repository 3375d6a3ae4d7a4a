import packageJson from "../package.json" with { type: "json" };
import { answer } from "./answer.ts";
import { batch } from "./batch.ts";
import { drain } from "./drain.ts";
import { endToEnd } from "./end-to-end.ts";
import type { Group, Sample } from "./group.ts";
import { growth } from "./growth.ts";
import { lowLoad } from "./low-load.ts";
import { describeMachine, timeSyncs } from "./machine.ts";
import { type Options, readOptions, UsageError, usage } from "./options.ts";
import { reload } from "./reload.ts";
import { linesOf, type Report, renderReport } from "./report.ts";
import { soak } from "./soak.ts";
import { openStage, type Stage } from "./stage.ts";
import { percentile } from "./statistics.ts";
import { submit } from "./submit.ts";

const allGroups: readonly Group[] = [submit, batch, endToEnd, drain, lowLoad, growth, soak, reload, answer];
const names = allGroups.map(({ name }) => name);
const usual = allGroups.filter(({ isExtra }) => isExtra === undefined).map(({ name }) => name);

await main();

async function main(): Promise<void> {
  const options = optionsOrExit();
  if (options.help) {
    console.log(usage(names));
    return;
  }
  const stage = openStage(options.dir);
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(signal, () => {
      stage.close();
      process.exit(code);
    });
  }
  try {
    const report = await measure(stage, options);
    console.log(options.json ? JSON.stringify(report, null, 2) : renderReport(report));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  } finally {
    stage.close();
  }
}

function optionsOrExit(): Options {
  try {
    return readOptions(process.argv.slice(2), names, usual);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${usage(names)}`);
    process.exit(2);
  }
}

/** Goes through all groups in every round, so that whatever else the machine does falls on all of them. */
async function measure(stage: Stage, { rounds, seconds, only }: Options): Promise<Report> {
  const startedAt = performance.now();
  const groups = allGroups.filter(({ name }) => only.includes(name));
  const samples = new Map(groups.map((group): [Group, Sample[]] => [group, []]));
  const machine = describeMachine(stage.root);
  const syncs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [group, taken] of samples) {
      const say = (text: string) => progress(`round ${round + 1} of ${rounds}  ${group.name}: ${text}`);
      const sample = await group.measure({ stage, round, seconds, say });
      taken.push(sample);
      syncs.push(...timeSyncs(stage.root));
    }
  }
  return {
    version: packageJson.version,
    machine,
    fsyncMs: { p50: percentile(syncs, 0.5), p99: percentile(syncs, 0.99) },
    rounds,
    seconds,
    elapsedSeconds: (performance.now() - startedAt) / 1_000,
    generatorCpuShare: stage.generator.cpuShare,
    groups: groups.map((group) => ({
      name: group.name,
      title: group.title,
      lines: linesOf(group, samples.get(group) ?? []),
    })),
  };
}

function progress(text: string): void {
  console.error(text);
}
