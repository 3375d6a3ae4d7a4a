import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Histogram as Counted } from "../../domain/histogram.ts";
import { type Labels, type Metric, metrics, type Seen } from "./metrics.ts";

/** Writes what is seen as Prometheus reads it. */
export interface Exposition {
  readonly contentType: string;
  text(seen: Seen): Promise<string>;
}

/**
 * Of what prom-client knows of a process, that which means something under Bun. The rest is of Node's heap and event loop,
 * which Bun does not have: zeros, or figures of something else.
 */
export const processMetrics = [
  "process_cpu_user_seconds_total",
  "process_cpu_system_seconds_total",
  "process_cpu_seconds_total",
  "process_start_time_seconds",
  "process_resident_memory_bytes",
  "process_virtual_memory_bytes",
  "process_open_fds",
  "process_max_fds",
  // Asking for this one brings the three after it up to date.
  "nodejs_eventloop_lag_seconds",
  "nodejs_eventloop_lag_max_seconds",
  "nodejs_eventloop_lag_p50_seconds",
  "nodejs_eventloop_lag_p99_seconds",
] as const;

export function createExposition(): Exposition {
  const registry = new Registry();
  let latest: Seen | null = null;
  const seen = (): Seen => {
    if (latest === null) throw new Error("nothing was seen yet");
    return latest;
  };
  for (const metric of metrics) register(metric, registry, seen);
  const known = new Registry();
  collectDefaultMetrics({ register: known });
  for (const name of processMetrics) {
    const metric = known.getSingleMetric(name);
    // Which there are depends on the system.
    if (metric !== undefined) registry.registerMetric(metric);
  }
  return {
    contentType: registry.contentType,
    text(now) {
      latest = now;
      return registry.metrics();
    },
  };
}

/** The figures are kept elsewhere, in a form that is cheap to count in, and are taken over when someone asks. */
function register(metric: Metric, registry: Registry, seen: () => Seen): void {
  const { name, help, labels } = metric;
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  switch (metric.type) {
    case "counter":
      new Counter({
        ...options,
        collect() {
          this.reset();
          for (const [labels, value] of metric.read(seen())) this.inc(labels, value);
        },
      });
      return;
    case "gauge":
      new Gauge({
        ...options,
        collect() {
          this.reset();
          for (const [labels, value] of metric.read(seen())) this.set(labels, value);
        },
      });
      return;
    case "histogram":
      new CountedHistogram(options, () => metric.read(seen()));
      return;
    default:
      metric satisfies never;
  }
}

type Read = () => readonly (readonly [Labels, Counted])[];

/** A histogram that was counted elsewhere: prom-client's own can only be told of one value after the other. */
class CountedHistogram extends Histogram {
  readonly #empty: Histogram;
  readonly #read: Read;

  constructor(options: { name: string; help: string; labelNames: string[]; registers: Registry[] }, read: Read) {
    super(options);
    this.#empty = new Histogram({ ...options, registers: [] });
    this.#read = read;
  }

  /** What the registry asks for rather than for `get`. */
  getForPromString() {
    return this.get();
  }

  override async get() {
    const metric = await this.#empty.get();
    const values = this.#read().flatMap(([labels, counted]) => samplesOf(metric.name, labels, counted));
    return { ...metric, values };
  }
}

function samplesOf(name: string, labels: Labels, { bounds, counts, sum }: Counted) {
  let total = 0;
  const buckets = counts.map((count, index) => {
    total += count;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: String(bounds[index] ?? "+Inf") }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: total },
  ];
}
