import type { Group, Sample, Unit } from "./group.ts";
import type { Machine } from "./machine.ts";
import { type Summary, summarize } from "./statistics.ts";

export interface ReportLine extends Summary {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit | "ratio";
  readonly goal: number | null;
  /** One number a round. */
  readonly rounds: readonly number[];
}

export interface Report {
  readonly version: string;
  readonly machine: Machine;
  /** Milliseconds that a sync of one page to the disk took, between the measurements. */
  readonly fsyncMs: { readonly p50: number; readonly p99: number };
  readonly rounds: number;
  readonly seconds: number;
  readonly elapsedSeconds: number;
  /** The share of one core that the load generator used on average while it put load on a server. */
  readonly generatorCpuShare: number;
  readonly groups: readonly { readonly name: string; readonly title: string; readonly lines: readonly ReportLine[] }[];
}

/** Every figure of `group` over its rounds, then its ratios, each of them of numbers of one round. */
export function linesOf(group: Group, samples: readonly Sample[]): readonly ReportLine[] {
  const values = (id: string) =>
    samples.map((sample) => {
      const value = sample[id];
      if (value === undefined) throw new Error(`${group.name} measured no '${id}'`);
      return value;
    });
  const figures = group.figures.map(({ id, title, unit, goal = null }): ReportLine => {
    const rounds = values(id);
    return { id, title, unit, goal, rounds, ...summarize(rounds) };
  });
  const ratios = group.ratios.map(({ title, of, to, goal = null }): ReportLine => {
    const divisors = values(to);
    const rounds = values(of).map((value, round) => value / (divisors[round] ?? Number.NaN));
    return { id: `${of}/${to}`, title, unit: "ratio", goal, rounds, ...summarize(rounds) };
  });
  return [...figures, ...ratios];
}

/** The report for a person. */
export function renderReport(report: Report): string {
  const { machine, groups } = report;
  const fsync = `an fsync takes ${report.fsyncMs.p50.toFixed(2)} ms (p99 ${report.fsyncMs.p99.toFixed(2)} ms)`;
  return [
    "",
    `TaskFlow ${report.version}, Bun ${machine.bun}, ${machine.os}, ${machine.cores} cores (${machine.cpu}), load before ${machine.loadBefore.toFixed(1)},`,
    `${fsync}. Medians of ${report.rounds} rounds, alternating, ${Math.round(report.elapsedSeconds)} s in all.`,
    "Servers have their default settings and log to a file. The load generator is a process of its own on the same",
    `cores; it used ${Math.round(report.generatorCpuShare * 100)} % of one.`,
    ...(machine.ramDisk
      ? ["", "The databases were on a RAM disk: nothing here was durable. Give a folder by --dir."]
      : []),
    ...groups.flatMap(({ title, lines }) => ["", ...renderGroup(title, lines)]),
    "",
  ].join("\n");
}

const columns = { title: 50, median: 12, range: 22, goal: 18 } as const;

function renderGroup(title: string, lines: readonly ReportLine[]): string[] {
  const width = columns.title + columns.median + columns.range + columns.goal;
  return [
    title,
    "─".repeat(width),
    row("", "median", "min – max", lines.some(({ goal }) => goal !== null) ? "goal" : ""),
    ...lines.map(({ title: name, unit, median, min, max, goal }) =>
      row(
        name,
        `${format(median, unit)}${suffixes[unit]}`,
        `${format(min, unit)} – ${format(max, unit)}`,
        goal === null ? "" : verdict(median, unit, goal),
      ),
    ),
  ];
}

function row(title: string, median: string, range: string, goal: string): string {
  const cells = [
    title.padEnd(columns.title),
    median.padStart(columns.median),
    range.padStart(columns.range),
    goal.padStart(columns.goal),
  ];
  return cells.join("").trimEnd();
}

const suffixes = { "per second": "/s", ms: " ms", MB: " MB", count: "", ratio: "" } as const;

function format(value: number, unit: ReportLine["unit"]): string {
  return unit === "per second" ? Math.round(value).toLocaleString("en") : value.toFixed(2);
}

function verdict(median: number, unit: ReportLine["unit"], goal: number): string {
  const isCost = unit === "ms" || unit === "MB" || unit === "count";
  const reached = isCost ? median <= goal : median >= goal;
  return `${isCost ? "≤" : "≥"} ${format(goal, unit)} ${reached ? "✓" : "✗"}`;
}
