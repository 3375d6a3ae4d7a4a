/** @jsxImportSource preact */

import { call } from "../api.ts";
import { count, duration } from "../format.ts";
import { useLoad } from "../load.ts";
import { Empty, Failure, Panel, Scroll, Waiting } from "../panel.tsx";
import { pathTo } from "../paths.ts";
import { Status } from "../status.tsx";
import { Words } from "../text.tsx";
import type { Handler, Metrics } from "../wire.ts";

const againMs = 5_000;

/** Every handler, those that do not load included. */
export function Handlers() {
  const { data, error } = useLoad(() => call<readonly Handler[]>("GET", "/api/v1/handlers"), [], againMs);
  const metrics = useLoad(() => call<Metrics>("GET", "/api/v1/metrics"), [], againMs);
  if (data === null) return error === null ? <Waiting /> : <Failure error={error} />;
  const broken = data.filter(({ status }) => status === "load_error").length;
  return (
    <>
      <h1 class="hidden">Handlers</h1>
      <Failure error={error} />
      <Panel
        title="Handlers"
        aside={`${count(data.length - broken)} ready${broken === 0 ? "" : `, ${count(broken)} not`}`}
      >
        {data.length === 0 ? (
          <Empty title="No handlers yet">
            Drop a TypeScript file into the tasks folder, and it is one:{" "}
            <code>export default async (input) =&gt; "done"</code>
          </Empty>
        ) : (
          <Scroll label="List of handlers">
            <table data-rows>
              <thead>
                <tr>
                  <th>Handler</th>
                  <th>State</th>
                  <th>Description</th>
                  <th class="number aux">Completed</th>
                  <th class="number aux">Failed attempts</th>
                  <th class="number aux">Run p50</th>
                  <th class="number aux">p95</th>
                </tr>
              </thead>
              <tbody>
                {data.map((handler) => (
                  <Row key={handler.file} handler={handler} metrics={metrics.data?.handlers[handler.name]} />
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </Panel>
    </>
  );
}

function Row({
  handler,
  metrics,
}: {
  readonly handler: Handler;
  readonly metrics: Metrics["handlers"][string] | undefined;
}) {
  const { name, status, description, error } = handler;
  const outcomes = Object.entries(metrics ?? {}).map(([outcome, value]) => [outcome, Number(value)] as const);
  const completed = outcomes.find(([outcome]) => outcome === "completed")?.[1] ?? 0;
  const failed = outcomes
    .filter(([outcome, value]) => outcome !== "completed" && !Number.isNaN(value))
    .reduce((sum, [, value]) => sum + value, 0);
  return (
    <tr>
      <td class="name">
        <a class="row" href={pathTo("handlers", name)}>
          <Words text={name} />
        </a>
      </td>
      <td>
        <Status of={status} />
      </td>
      <td class="name">
        {error === null ? (
          <Words text={description ?? ""} />
        ) : (
          <Words text={`${placeOf(error)}: ${error.message}`} class="error-text" />
        )}
      </td>
      <td class="number aux">{completed === 0 ? <span class="muted">–</span> : count(completed)}</td>
      <td class="number aux">{failed === 0 ? <span class="muted">–</span> : count(failed)}</td>
      <td class="number aux">{duration(metrics?.run.p50 ?? null)}</td>
      <td class="number aux">{duration(metrics?.run.p95 ?? null)}</td>
    </tr>
  );
}

/** Where a file does not load. */
export function placeOf({ file, line }: NonNullable<Handler["error"]>): string {
  return line === null ? file : `${file}:${line}`;
}
