/** @jsxImportSource preact */
import { useMemo } from "preact/hooks";
import { call } from "../api.ts";
import { Chart, type Series } from "../chart.tsx";
import { duration } from "../format.ts";
import { useEvents } from "../live.ts";
import { useLoad, useThrottled } from "../load.ts";
import { Empty, Fact, Failure, Panel, Waiting } from "../panel.tsx";
import { pathTo, withQuery } from "../paths.ts";
import { Priority, Status } from "../status.tsx";
import { Words } from "../text.tsx";
import type { Handler as HandlerOnWire, History } from "../wire.ts";
import { placeOf } from "./handlers.tsx";
import { SubmitForm } from "./submit-form.tsx";

const againMs = 5_000;

const outcomes: readonly Series[] = [
  { name: "Completed", color: "completed", isFilled: true },
  { name: "Failed", color: "failed" },
  { name: "Retried", color: "retrying" },
];
const times: readonly Series[] = [
  { name: "p50", color: "running", isFilled: true },
  { name: "p95", color: "retrying" },
  { name: "p99", color: "failed" },
];

/** One handler: what it is, how it fares, and a form that submits it. */
export function Handler({ name }: { readonly name: string }) {
  const path = `/api/v1/handlers/${encodeURIComponent(name)}`;
  const { data, error } = useLoad(() => call<HandlerOnWire>("GET", path), [name], againMs);
  if (data === null) {
    if (error === null) return <Waiting />;
    if (error.status !== 404) return <Failure error={error} />;
    return (
      <Empty title={`There is no handler ${name}`}>
        <a href={pathTo("handlers")}>See those there are</a>
      </Empty>
    );
  }
  const canRun = data.serving_generation !== null;
  return (
    <div class="task">
      <header class="head">
        <div>
          <h1>
            <Words text={data.name} />
          </h1>
          <code class="muted">{data.file}</code>
        </div>
        <Status of={data.status} />
        <span class="actions">
          <a class="button" href={withQuery(pathTo("tasks"), { func_name: name })}>
            Its tasks
          </a>
        </span>
      </header>
      <Failure error={error} />
      {data.error === null ? null : (
        <div class="failure">
          <p>
            <strong>{placeOf(data.error)}</strong> does not load: {data.error.message}
          </p>
          <p>{canRun ? "The last version that loaded serves on." : "Until it loads, submissions are refused."}</p>
        </div>
      )}
      {data.description === null ? null : <p class="full description">{data.description}</p>}
      <Options handler={data} />
      <Charts name={name} />
      {canRun ? (
        <Panel title="Submit a task" class="full">
          <SubmitForm key={name} name={name} schema={data.input_schema} />
        </Panel>
      ) : null}
    </div>
  );
}

function Options({ handler: { options, schedules } }: { readonly handler: HandlerOnWire }) {
  if (options === null) return null;
  const { timeout, max_retries: maxRetries, priority, backoff } = options;
  return (
    <dl class="facts panel">
      <Fact name="Timeout">{timeout === null ? "the server's" : duration(timeout)}</Fact>
      <Fact name="Retries">{maxRetries ?? "the server's"}</Fact>
      <Fact name="Priority">{priority === null ? "normal" : <Priority of={priority} />}</Fact>
      <Fact name="Backoff">
        {duration(backoff.base)} · 2ⁿ⁻¹, at most {duration(backoff.cap)}, ± {Math.round(backoff.jitter * 100)} %
      </Fact>
      {schedules.map(({ name, cron_expression: cron, error }) => (
        <Fact key={name} name="Periodic task">
          <a href={pathTo("periodic", name)}>
            <Words text={name} />
          </a>{" "}
          <code>{cron}</code>
          {error === null ? null : <span class="error-text"> {error}</span>}
        </Fact>
      ))}
    </dl>
  );
}

function Charts({ name }: { readonly name: string }) {
  const path = withQuery("/api/v1/metrics/history", { minutes: "60", func_name: name });
  const { data, reload } = useLoad(() => call<History>("GET", path), [name], againMs);
  const lookAgain = useThrottled(reload, 1_000);
  useEvents((events) => {
    if (events.some(({ task }) => task.func_name === name)) lookAgain();
  });
  const columns = useMemo(() => (data === null ? null : columnsOf(data)), [data]);
  if (data === null || columns === null) return null;
  return (
    <>
      <Panel title="Tasks a minute" aside="last hour">
        <Chart
          label="Tasks a minute, by what became of them"
          series={outcomes}
          data={columns.outcomes}
          height={150}
          format={String}
        />
      </Panel>
      <Panel title="Run time" aside="last hour">
        <Chart label="Run time, percentiles" series={times} data={columns.times} height={150} format={duration} />
      </Panel>
    </>
  );
}

function columnsOf({ from, step, completed, failed, retried, run }: History) {
  const first = Date.parse(from) / 1_000;
  const seconds = completed.map((_, index) => first + index * step);
  return { outcomes: [seconds, completed, failed, retried], times: [seconds, run.p50, run.p95, run.p99] };
}
