/** @jsxImportSource preact */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useShared } from "./state.ts";
import { colorChanges, colorOf } from "./theme.ts";

export interface Series {
  readonly name: string;
  /** A custom property of the style sheet. */
  readonly color: string;
  readonly isFilled?: boolean;
}

interface ChartProps {
  /** What it shows, for who does not see it. */
  readonly label: string;
  readonly series: readonly Series[];
  /** Seconds since the epoch, then the values of each series. */
  readonly data: readonly (readonly (number | null)[])[];
  readonly height: number;
  /** A value as the axis and the legend show it. */
  readonly format: (value: number) => string;
}

/** Lines over time, with the values under the pointer. */
export function Chart({ label, series, data, height, format }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const latest = useRef(data);
  latest.current = data;
  const colors = useShared(colorChanges);
  const names = series.map(({ name }) => name).join();

  useEffect(() => {
    const box = place.current;
    if (box === null) return;
    const made = new uPlot(
      optionsFor({ series, height, format, width: box.clientWidth }),
      aligned(latest.current),
      box,
    );
    chart.current = made;
    const resizing = new ResizeObserver(() => made.setSize({ width: box.clientWidth, height }));
    resizing.observe(box);
    return () => {
      resizing.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [names, height, colors]);
  useEffect(() => chart.current?.setData(aligned(data)), [data]);
  return (
    <div class="chart" role="img" aria-label={label}>
      <div ref={place} />
    </div>
  );
}

function aligned(data: ChartProps["data"]): uPlot.AlignedData {
  const [times = [], ...values] = data;
  return [times.map(Number), ...values.map((each) => [...each])];
}

function optionsFor({
  series,
  height,
  format,
  width,
}: Omit<ChartProps, "label" | "data"> & { width: number }): uPlot.Options {
  const font = "11px system-ui, sans-serif";
  const axis: uPlot.Axis = {
    stroke: colorOf("muted"),
    font,
    grid: { stroke: colorOf("line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height,
    padding: [8, 8, 0, 0],
    cursor: { y: false, points: { size: 6 } },
    legend: {
      live: true,
      markers: { width: 0, fill: (_chart, index) => colorOf(series[index - 1]?.color ?? "muted") },
    },
    scales: { y: { range: (_chart, _min, max) => [0, Math.max(1, max * 1.08)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 28, space: 70, values: axisTimes },
      { ...axis, size: 46, space: 32, values: (_chart, values) => values.map(format) },
    ],
    series: [
      { value: (_chart, time) => (time === null ? "–" : new Date(time * 1_000).toLocaleTimeString()) },
      ...series.map(
        ({ name, color, isFilled }): uPlot.Series => ({
          label: name,
          stroke: colorOf(color),
          width: 1.5,
          points: { show: true, size: 4, filter: (chart, line) => alone(chart.data[line] ?? []) },
          value: (_chart, value) => (value === null ? "–" : format(value)),
          ...(isFilled ? { fill: `color-mix(in srgb, ${colorOf(color)} 14%, transparent)` } : {}),
        }),
      ),
    ],
  };
}

/** Where a value stands between two that are not there: no line would show it. */
function alone(values: ArrayLike<number | null | undefined>): number[] {
  return Array.from(values).flatMap((value, index) =>
    value != null && values[index - 1] == null && values[index + 1] == null ? [index] : [],
  );
}

/** 09:05, and with seconds where the steps are smaller than a minute. */
function axisTimes(_chart: uPlot, times: readonly number[], _axis: number, _space: number, step: number): string[] {
  const seconds = step < 60 ? ({ second: "2-digit" } as const) : {};
  return times.map((time) =>
    new Date(time * 1_000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...seconds }),
  );
}
