/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { call, callForPage } from "../api.ts";
import { count, wholeSeconds } from "../format.ts";
import { useEvents } from "../live.ts";
import { useLoad, useThrottled } from "../load.ts";
import { Failure, Panel, Waiting } from "../panel.tsx";
import { useNow } from "../time.tsx";
import type { About, History, Metrics, PeriodicEntry, Task } from "../wire.ts";
import { Failures } from "./failures.tsx";
import { Firings } from "./firings.tsx";
import { Throughput } from "./throughput.tsx";
import { Times } from "./times.tsx";
import { Workers } from "./workers.tsx";

/** Milliseconds between two looks at the figures while something happens, and while nothing does. */
const busyMs = 1_000;
const idleMs = 5_000;

/** What the system does, at a glance. */
export function Overview() {
  const metrics = useLoad(() => call<Metrics>("GET", "/api/v1/metrics"), [], idleMs);
  const running = useLoad(() => callForPage<Task>("/api/v1/tasks?status=running&limit=100"), [], idleMs);
  const periodic = useLoad(
    () => call<Readonly<Record<string, PeriodicEntry>>>("GET", "/api/v1/periodic-tasks"),
    [],
    idleMs,
  );
  const about = useLoad(() => call<About>("GET", "/api/v1/system"), [], idleMs);
  const [minutes, setMinutes] = useState<number>(15);
  const history = useLoad(() => call<History>("GET", `/api/v1/metrics/history?minutes=${minutes}`), [minutes], idleMs);
  const hour = useLoad(() => call<History>("GET", "/api/v1/metrics/history?minutes=60"), [], idleMs);
  const lookAgain = useThrottled(() => {
    metrics.reload();
    running.reload();
    history.reload();
    about.reload();
    hour.reload();
  }, busyMs);
  useEvents(() => {
    // Nobody looks: all of it is fetched anew when somebody does.
    if (!document.hidden) lookAgain();
  });

  if (metrics.data === null) return metrics.error === null ? <Waiting /> : <Failure error={metrics.error} />;
  const { queue, workers, handlers } = metrics.data;
  return (
    <div class="overview">
      <h1 class="hidden">Overview</h1>
      <Failure error={metrics.error} />
      <ul class="figures">
        <Figure name="Waiting" value={queue.current_size} status="queued" />
        <Figure name="Running" value={queue.running_count} status="running" of={workers.slots} />
        <li class="figure">
          <span class="name">Oldest</span>
          <span class="value">
            {about.data?.store.oldest_waiting_since ? (
              <Since time={about.data.store.oldest_waiting_since} />
            ) : (
              <span class="muted">–</span>
            )}
          </span>
        </li>
        <Figure name="Retrying" value={queue.retrying_count} status="retrying" />
        <Figure name="Scheduled" value={queue.scheduled_count} status="pending" />
        <Figure name="Completed" value={queue.completed_count} status="completed" />
        <Figure name="Failed" value={queue.failed_count} status="failed" />
      </ul>
      {history.data === null ? (
        <Panel title="Throughput" class="wide">
          <Waiting />
        </Panel>
      ) : (
        <Throughput
          history={history.data}
          startedAt={about.data?.started_at ?? null}
          minutes={minutes}
          onRange={setMinutes}
        />
      )}
      <Times hour={hour.data} handlers={handlers} />
      <Workers workers={workers} tasks={running.data?.items ?? []} />
      <Firings entries={Object.values(periodic.data ?? {})} />
      <Failures />
    </div>
  );
}

function Since({ time }: { readonly time: string }) {
  const now = useNow();
  return <>{wholeSeconds((now - Date.parse(time)) / 1_000)}</>;
}

interface FigureProps {
  readonly name: string;
  readonly value: number;
  readonly status: string;
  /** The most that it can be. */
  readonly of?: number;
}

function Figure({ name, value, status, of }: FigureProps) {
  return (
    <li class={`figure ${status}${value === 0 ? " none" : ""}`}>
      <span class="name">{name}</span>
      <span class="value">
        {count(value)}
        {of === undefined ? null : <small> of {count(of)}</small>}
      </span>
    </li>
  );
}
