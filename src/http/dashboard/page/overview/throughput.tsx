/** @jsxImportSource preact */
import { useMemo } from "preact/hooks";
import { Chart, type Series } from "../chart.tsx";
import { Panel } from "../panel.tsx";
import type { History } from "../wire.ts";

const series: readonly Series[] = [
  { name: "Completed", color: "completed", isFilled: true },
  { name: "Failed", color: "failed" },
  { name: "Retried", color: "retrying" },
  { name: "Cancelled", color: "cancelled" },
];

/** Minutes that can be looked at. */
const ranges = [
  { minutes: 15, name: "15 min" },
  { minutes: 60, name: "1 h" },
  { minutes: 180, name: "3 h" },
] as const;

interface ThroughputProps {
  readonly history: History;
  readonly minutes: number;
  /** When the server began to count. */
  readonly startedAt: string | null;
  readonly onRange: (minutes: number) => void;
}

/** Tasks a second by what became of them. */
export function Throughput({ history, minutes, startedAt, onRange }: ThroughputProps) {
  const data = useMemo(() => ratesOf(history, startedAt), [history, startedAt]);
  const range = (
    <fieldset class="segments">
      <legend class="hidden">Time that is shown</legend>
      {ranges.map((each) => (
        <button
          key={each.minutes}
          type="button"
          aria-pressed={each.minutes === minutes}
          onClick={() => onRange(each.minutes)}
        >
          {each.name}
        </button>
      ))}
    </fieldset>
  );
  return (
    <Panel title="Throughput" class="wide" aside={<>tasks a second {range}</>}>
      <Chart label="Tasks a second, by what became of them" series={series} data={data} height={210} format={rate} />
    </Panel>
  );
}

/** The chart's columns. The latest step is not over: it counts by how much of it has passed. */
function ratesOf(
  { from, step, completed, failed, retried, cancelled }: History,
  startedAt: string | null,
): readonly (readonly (number | null)[])[] {
  const first = Date.parse(from) / 1_000;
  const times = completed.map((_, index) => first + index * step);
  const passed = Math.min(step, Date.now() / 1_000 - (times.at(-1) ?? 0));
  const began = startedAt === null ? 0 : Date.parse(startedAt) / 1_000;
  const rates = (counts: readonly number[]) =>
    counts.map((count, index) => {
      if ((times[index] ?? 0) + step < began) return null;
      if (index < counts.length - 1) return count / step;
      return passed < step / 3 ? null : count / passed;
    });
  return [times, ...[completed, failed, retried, cancelled].map(rates)];
}

function rate(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return value >= 1 ? value.toFixed(1) : value.toPrecision(2);
}
