import type { Output } from "./output.ts";
import { toneOf } from "./output.ts";
import { cut, pad, printable } from "./printable.ts";
import { between, duration, timeOfDay } from "./times.ts";
import type { WireEvent, WireHealth, WireMetrics, WireTask } from "./wire.ts";

/** What `top` knows of a server. */
export interface Sight {
  readonly url: string;
  readonly health: WireHealth;
  readonly metrics: WireMetrics;
  readonly running: readonly WireTask[];
  /** The latest, the newest last. */
  readonly events: readonly WireEvent[];
  /** Since when it cannot be reached, or null. */
  readonly away: string | null;
}

export interface FrameSize {
  readonly columns: number;
  readonly rows: number;
}

/** The lines of one picture: at most `rows`, none longer than `columns`. */
export function topFrame(sight: Sight, { columns, rows }: FrameSize, paint: Output["paint"]): readonly string[] {
  const { running, events, metrics } = sight;
  const head = headLines(sight, columns, paint);
  const handlers = Object.entries(metrics.handlers).sort(([, a], [, b]) => attemptsOf(b) - attemptsOf(a));
  const room = Math.max(0, rows - head.length);
  // A third for each of what there is to show, and whatever one of them leaves for those that follow.
  const runningLines = section(
    "RUNNING",
    running.map((task) => runningLine(task, metrics.timestamp, columns)),
  );
  const handlerLines = section(
    "HANDLERS",
    handlers.map(([name, handler]) => handlerLine(name, handler, columns)),
  );
  const eventLines = section(
    "EVENTS",
    events.toReversed().map((event) => paint(toneOf(event.task.status), eventLine(event, columns))),
  );
  const first = runningLines.slice(0, Math.floor(room / 3));
  const second = handlerLines.slice(0, Math.floor((room - first.length) / 2));
  const third = eventLines.slice(0, room - first.length - second.length);
  return [...head, ...first, ...second, ...third].slice(0, rows);

  function section(title: string, lines: readonly string[]): readonly string[] {
    return lines.length === 0 ? [] : ["", paint("strong", cut(title, columns)), ...lines];
  }
}

function headLines({ url, health, metrics, away }: Sight, columns: number, paint: Output["paint"]): readonly string[] {
  const { queue, workers, timestamp } = metrics;
  const state = away === null ? printable(health.status) : `away since ${timeOfDay(away)}, trying again`;
  const reason = away === null && health.reason !== null ? `: ${printable(health.reason)}` : "";
  const tone = away === null ? toneOf(health.status) : "bad";
  return [
    cut(`TaskFlow at ${printable(url)}  ${timeOfDay(timestamp)}`, columns),
    paint(tone, cut(state + reason, columns)),
    cut(
      `workers ${workers.active_workers}/${workers.num_workers}  running ${queue.running_count}  queued ${queue.pending_count}` +
        `  later ${queue.scheduled_count}  retrying ${queue.retrying_count}`,
      columns,
    ),
    cut(
      `completed ${queue.completed_count}  failed ${queue.failed_count}  cancelled ${queue.cancelled_count}`,
      columns,
    ),
  ];
}

function runningLine({ func_name, task_id, started_at, progress }: WireTask, now: string, columns: number): string {
  const time = started_at === null ? "" : between(started_at, now);
  const far = progress === null ? "" : `${Math.floor(progress.fraction * 100)} %  ${printable(progress.message ?? "")}`;
  return cut(`${task_id}  ${column(printable(func_name), 16)}  ${column(time, 9)}  ${far}`.trimEnd(), columns);
}

type HandlerMetrics = WireMetrics["handlers"][string];

function handlerLine(name: string, { completed = 0, failed = 0, run }: HandlerMetrics, columns: number): string {
  const quantile = (label: string, value: number | null | undefined) =>
    value == null ? "" : `${label} ${column(duration(value * 1_000), 8)}`;
  const times = `${quantile("p50", run?.p50)}  ${quantile("p95", run?.p95)}`;
  return cut(
    `${column(printable(name), 24)}  ${column(`${completed} completed`, 17)}  ${column(`${failed} failed`, 12)}  ${times}`.trimEnd(),
    columns,
  );
}

function eventLine({ type, task, timestamp, log }: WireEvent, columns: number): string {
  const what = printable(type.replace(/^task_/, ""));
  const more = log === undefined ? (task.error ?? "") : log.message;
  return cut(
    `${timeOfDay(timestamp)}  ${column(what, 9)}  ${column(printable(task.func_name), 20)}  ${task.task_id}  ${printable(more)}`.trimEnd(),
    columns,
  );
}

function attemptsOf({ completed = 0, failed = 0 }: HandlerMetrics): number {
  return completed + failed;
}

function column(text: string, width: number): string {
  return pad(cut(text, width), width);
}
