/** @jsxImportSource preact */
import { useEffect, useRef, useState } from "preact/hooks";
import { Chart, type Series } from "../chart.tsx";
import { useEvents } from "../live.ts";
import { Panel } from "../panel.tsx";
import { Tally } from "./tally.ts";

const series: readonly Series[] = [
  { name: "Completed", color: "completed", isFilled: true },
  { name: "Failed", color: "failed" },
  { name: "To be retried", color: "retrying" },
  { name: "Cancelled", color: "cancelled" },
];

/** Tasks by what became of them, a second, as it happens. */
export function Throughput() {
  const tally = useRef(new Tally(Date.now()));
  const [data, setData] = useState(() => tally.current.columns(Date.now()));
  useEvents((events) => {
    for (const event of events) tally.current.add(event.type, Date.parse(event.timestamp));
  });
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setData(tally.current.columns(Date.now())), 1_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <Panel title="Throughput" class="wide" aside="tasks a second">
      <Chart label="Tasks a second by outcome" series={series} data={data} height={190} format={rate} />
    </Panel>
  );
}

function rate(value: number): string {
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}
