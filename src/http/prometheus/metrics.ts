import type { Histogram } from "../../domain/histogram.ts";
import { statuses } from "../../domain/task.ts";
import type { Health, Measures } from "../../engine/metrics.ts";
import type { Handler, WorkerState } from "../../engine/runner.ts";
import type { LiveHub } from "../live/hub.ts";
import type { Traffic } from "../traffic.ts";

/** All that a scrape tells of. */
export interface Seen {
  readonly measures: Measures;
  readonly health: Health;
  readonly handlers: readonly Handler[];
  readonly traffic: Traffic;
  readonly live: Pick<LiveHub, "connections" | "messages">;
  readonly version: string;
}

interface Named {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

export type Labels = Readonly<Record<string, string>>;

export type Metric =
  | (Named & {
      readonly type: "counter" | "gauge";
      readonly read: (seen: Seen) => readonly (readonly [Labels, number])[];
    })
  | (Named & { readonly type: "histogram"; readonly read: (seen: Seen) => readonly (readonly [Labels, Histogram])[] });

const workerStates: readonly WorkerState["state"][] = ["starting", "idle", "busy", "retiring"];

/**
 * Every metric of TaskFlow's own. What is counted is counted since the server's start, but for the tasks submitted and
 * claimed, which the store counts over all starts.
 */
export const metrics: readonly Metric[] = [
  {
    name: "taskflow_tasks_submitted_total",
    help: "Tasks ever accepted.",
    type: "counter",
    labels: [],
    read: ({ measures }) => [[{}, measures.counts.enqueued]],
  },
  {
    name: "taskflow_tasks_claimed_total",
    help: "Attempts ever claimed.",
    type: "counter",
    labels: [],
    read: ({ measures }) => [[{}, measures.counts.dequeued]],
  },
  {
    name: "taskflow_tasks",
    help: "Tasks in the store, by status; queued ones wait for a worker.",
    type: "gauge",
    labels: ["status"],
    read: ({ measures }) => statuses.map((status) => [{ status }, measures.counts.byStatus[status]]),
  },
  {
    name: "taskflow_oldest_waiting_seconds",
    help: "For how long the task that waits longest for a worker has been due; 0 when none waits.",
    type: "gauge",
    labels: [],
    read: ({ measures: { store, now } }) => [[{}, Math.max(0, now - (store.oldestQueuedAt ?? now)) / 1_000]],
  },
  {
    name: "taskflow_tasks_finished_total",
    help: "Tasks that became final, by handler and status.",
    type: "counter",
    labels: ["handler", "status"],
    read: ({ measures }) =>
      [...measures.handlers].flatMap(([handler, { finished }]) =>
        Object.entries(finished).map(([status, n]) => [{ handler, status }, n] as const),
      ),
  },
  {
    name: "taskflow_attempts_total",
    help: "Attempts that ended, by handler and outcome.",
    type: "counter",
    labels: ["handler", "outcome"],
    read: ({ measures }) =>
      [...measures.handlers].flatMap(([handler, { outcomes }]) =>
        [...outcomes].map(([outcome, n]) => [{ handler, outcome }, n] as const),
      ),
  },
  {
    name: "taskflow_task_retries_total",
    help: "Attempts that failed and are to be followed by another, by handler.",
    type: "counter",
    labels: ["handler"],
    read: ({ measures }) => [...measures.handlers].map(([handler, { retries }]) => [{ handler }, retries]),
  },
  {
    name: "taskflow_attempt_wait_seconds",
    help: "From the moment an attempt was due until it started, by handler.",
    type: "histogram",
    labels: ["handler"],
    read: ({ measures }) => [...measures.handlers].map(([handler, { wait }]) => [{ handler }, wait]),
  },
  {
    name: "taskflow_attempt_run_seconds",
    help: "From an attempt's start to its end, by handler.",
    type: "histogram",
    labels: ["handler"],
    read: ({ measures }) => [...measures.handlers].map(([handler, { run }]) => [{ handler }, run]),
  },
  {
    name: "taskflow_attempt_kills_total",
    help: "Attempts that ended by force, by cause: they ignored their abort, or took their worker down.",
    type: "counter",
    labels: ["cause"],
    read: ({ measures }) => Object.entries(measures.kills).map(([cause, n]) => [{ cause }, n]),
  },
  {
    name: "taskflow_results_discarded_total",
    help: "Results that came after their attempt had lost its task.",
    type: "counter",
    labels: [],
    read: ({ measures }) => [[{}, measures.discarded]],
  },
  {
    name: "taskflow_handlers",
    help: "Handlers, by whether their file loads as it is.",
    type: "gauge",
    labels: ["status"],
    read: ({ handlers }) =>
      (["ready", "load_error"] as const).map((status) => [
        { status },
        handlers.filter((handler) => handler.status === status).length,
      ]),
  },
  {
    name: "taskflow_workers",
    help: "Worker processes, by state.",
    type: "gauge",
    labels: ["state"],
    read: ({ measures: { workers } }) =>
      workerStates.map((state) => [{ state }, workers.filter((worker) => worker.state === state).length]),
  },
  {
    name: "taskflow_worker_slots",
    help: "Attempts that can run at once when all workers are up.",
    type: "gauge",
    labels: [],
    read: ({ measures }) => [[{}, measures.slots]],
  },
  {
    name: "taskflow_workers_resident_memory_bytes",
    help: "Resident memory of all workers together.",
    type: "gauge",
    labels: [],
    read: ({ measures }) => [[{}, residentBytes(measures).reduce((sum, bytes) => sum + bytes, 0)]],
  },
  {
    name: "taskflow_largest_worker_resident_memory_bytes",
    help: "Resident memory of the worker that has the most.",
    type: "gauge",
    labels: [],
    read: ({ measures }) => [[{}, Math.max(0, ...residentBytes(measures))]],
  },
  {
    name: "taskflow_store_commit_seconds",
    help: "From the begin of a transaction until it was durable.",
    type: "histogram",
    labels: [],
    read: ({ measures }) => [[{}, measures.store.commitSeconds]],
  },
  {
    name: "taskflow_store_failed_commits_total",
    help: "Transactions that were undone.",
    type: "counter",
    labels: [],
    read: ({ measures }) => [[{}, measures.store.failedCommits]],
  },
  {
    name: "taskflow_store_writes_total",
    help: "Writes asked of the store; those of one turn share a transaction.",
    type: "counter",
    labels: [],
    read: ({ measures }) => [[{}, measures.store.writes]],
  },
  {
    name: "taskflow_store_size_bytes",
    help: "Size of the database and of its write-ahead log.",
    type: "gauge",
    labels: ["file"],
    read: ({ measures: { store } }) => [
      [{ file: "database" }, store.databaseBytes],
      [{ file: "wal" }, store.walBytes],
    ],
  },
  {
    name: "taskflow_healthy",
    help: "1 while the server is healthy; 0 while it stops, its store refuses writes, or workers do not start.",
    type: "gauge",
    labels: [],
    read: ({ health }) => [[{}, health.status === "healthy" ? 1 : 0]],
  },
  {
    name: "taskflow_http_requests_total",
    help: "Requests answered, by method, route and class of the status.",
    type: "counter",
    labels: ["method", "route", "status"],
    read: ({ traffic }) =>
      ofRoutes(traffic).flatMap(({ method, route, classes }) =>
        classes.flatMap((n, digit) => (n === 0 ? [] : [[{ method, route, status: `${digit}xx` }, n] as const])),
      ),
  },
  {
    name: "taskflow_http_request_duration_seconds",
    help: "From a request's arrival to its answer, by method and route.",
    type: "histogram",
    labels: ["method", "route"],
    read: ({ traffic }) => ofRoutes(traffic).map(({ method, route, seconds }) => [{ method, route }, seconds]),
  },
  {
    name: "taskflow_websocket_connections",
    help: "WebSocket connections that are open.",
    type: "gauge",
    labels: [],
    read: ({ live }) => [[{}, live.connections]],
  },
  {
    name: "taskflow_websocket_messages_total",
    help: "WebSocket messages, by direction.",
    type: "counter",
    labels: ["direction"],
    read: ({ live }) => Object.entries(live.messages).map(([direction, n]) => [{ direction }, n]),
  },
  {
    name: "taskflow_build_info",
    help: "1, with the version of TaskFlow and of Bun.",
    type: "gauge",
    labels: ["version", "bun"],
    read: ({ version }) => [[{ version, bun: Bun.version }, 1]],
  },
];

function ofRoutes({ routes }: Traffic) {
  return [...routes].flatMap(([route, methods]) =>
    [...methods].map(([method, traffic]) => ({ ...traffic, method, route: route.replace(/(?<=.)\/$/, "") })),
  );
}

function residentBytes({ workers }: Measures): readonly number[] {
  return workers.map(({ rssBytes }) => rssBytes ?? 0);
}
