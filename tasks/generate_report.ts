import { defineTask, t } from "taskflow";
import { askServer } from "./_server.ts";

const latestFailures = 100;

export default defineTask({
  description: "Report on what the server knows: how handlers fare, which tasks failed and why, or what waits",
  input: t.Object({
    report_type: t.Union([t.Literal("summary"), t.Literal("failures"), t.Literal("queue")], {
      description: "summary: attempts by handler. failures: the latest failures by cause. queue: tasks and workers",
      default: "summary",
    }),
  }),
  timeout: 60,
  async run({ report_type }, ctx) {
    const { title, rows } = await reports[report_type](ctx.signal);
    return { title, generated_at: new Date().toISOString(), rows, text: `${title}\n\n${table(rows)}` };
  },
});

type Row = Readonly<Record<string, string | number | null>>;

interface Report {
  readonly title: string;
  readonly rows: readonly Row[];
}

const reports = { summary, failures, queue };

/** Outcomes that never were are left out. */
const count = t.Optional(t.Number());

const percentiles = t.Record(t.String(), t.Union([t.Number(), t.Null()]));

const metricsShape = t.Object({
  queue: t.Record(t.String(), t.Number()),
  handlers: t.Record(
    t.String(),
    t.Object({
      completed: count,
      failed: count,
      timed_out: count,
      cancelled: count,
      wait: percentiles,
      run: percentiles,
    }),
  ),
});

const healthShape = t.Object({
  status: t.String(),
  workers: t.Object({ num_workers: t.Number(), running: t.Boolean(), active_workers: t.Number() }),
});

const failedTasksShape = t.Array(
  t.Object({
    func_name: t.String(),
    error_kind: t.Union([t.String(), t.Null()]),
    error: t.Union([t.String(), t.Null()]),
    completed_at: t.Union([t.String(), t.Null()]),
  }),
);

async function summary(signal: AbortSignal): Promise<Report> {
  const { handlers } = await askServer("/api/v1/metrics", metricsShape, signal);
  const rows = Object.entries(handlers).map(([handler, { wait, run, ...outcomes }]) => ({
    handler,
    completed: outcomes.completed ?? 0,
    failed: outcomes.failed ?? 0,
    timed_out: outcomes.timed_out ?? 0,
    cancelled: outcomes.cancelled ?? 0,
    wait_p95_seconds: wait.p95 ?? null,
    run_p50_seconds: run.p50 ?? null,
    run_p95_seconds: run.p95 ?? null,
  }));
  return { title: "Attempts by handler since the server's start", rows };
}

async function failures(signal: AbortSignal): Promise<Report> {
  const tasks = await askServer(`/api/v1/tasks?status=failed&limit=${latestFailures}`, failedTasksShape, signal);
  const latestFirst = tasks.toSorted((a, b) => (b.completed_at ?? "").localeCompare(a.completed_at ?? ""));
  const causes = Object.groupBy(latestFirst, ({ func_name, error_kind }) => `${func_name} ${error_kind}`);
  const rows = Object.values(causes).flatMap((group) => {
    const [latest] = group ?? [];
    if (latest === undefined) return [];
    const { func_name, error_kind, error, completed_at } = latest;
    return [{ handler: func_name, kind: error_kind, failed: group?.length ?? 0, latest_at: completed_at, error }];
  });
  return { title: `The ${tasks.length} failed tasks submitted last, by handler and kind`, rows };
}

async function queue(signal: AbortSignal): Promise<Report> {
  const [metrics, health] = await Promise.all([
    askServer("/api/v1/metrics", metricsShape, signal),
    askServer("/health", healthShape, signal),
  ]);
  const rows = [
    ...Object.entries(metrics.queue).map(([measure, value]) => ({ measure, value })),
    { measure: "num_workers", value: health.workers.num_workers },
    { measure: "active_workers", value: health.workers.active_workers },
  ];
  return { title: `The queue of a server that is ${health.status}`, rows };
}

/** Rows as aligned text under the names of their columns. */
function table(rows: readonly Row[]): string {
  const [first] = rows;
  if (first === undefined) return "Nothing to report.";
  const columns = Object.keys(first);
  const lines = [columns, ...rows.map((row) => columns.map((column) => cell(row[column])))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  const aligned = (line: readonly string[]) => line.map((text, index) => text.padEnd(widths[index] ?? 0)).join("  ");
  return lines.map((line) => aligned(line).trimEnd()).join("\n");
}

function cell(value: string | number | null | undefined): string {
  if (typeof value === "number") return String(Math.round(value * 1000) / 1000);
  return (value ?? "-").replaceAll(/\s+/g, " ").slice(0, 120);
}
