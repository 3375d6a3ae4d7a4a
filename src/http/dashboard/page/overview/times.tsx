/** @jsxImportSource preact */

import { duration } from "../format.ts";
import { Empty, Panel, Scroll } from "../panel.tsx";
import { pathTo } from "../paths.ts";
import { Words } from "../text.tsx";
import type { History, Metrics } from "../wire.ts";

/** Handlers shown; the busiest. */
const shown = 6;

/** How long attempts waited and ran: all of them in the last hour, and the latest of each handler. */
export function Times({ hour, handlers }: { readonly hour: History | null; readonly handlers: Metrics["handlers"] }) {
  const busiest = Object.entries(handlers)
    .map(([name, { wait, run, ...outcomes }]) => ({ name, wait, run, attempts: sum(Object.values(outcomes)) }))
    .sort((a, b) => b.attempts - a.attempts)
    .slice(0, shown);
  return (
    <Panel title="Wait and run" aside="by handler: of its latest 1,000 attempts">
      {busiest.length === 0 ? (
        <Empty title="Nothing has run since the start" />
      ) : (
        <Scroll label="Wait and run by handler">
          <table class="times-table">
            <thead>
              <tr>
                <th rowSpan={2}>Handler</th>
                <th colSpan={3} class="group">
                  Wait
                </th>
                <th colSpan={3} class="group">
                  Run
                </th>
              </tr>
              <tr>
                {["p50", "p95", "p99", "p50", "p95", "p99"].map((name, index) => (
                  <th key={index} class="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {hour === null ? null : (
                <tr class="all">
                  <td class="name">Last hour</td>
                  <Percentiles {...hour.total} />
                </tr>
              )}
              {busiest.map(({ name, wait, run }) => (
                <tr key={name}>
                  <td class="name">
                    <a href={pathTo("handlers", name)}>
                      <Words text={name} />
                    </a>
                  </td>
                  <Percentiles wait={wait} run={run} />
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}

type Figures = Readonly<Record<string, number | null>>;

function Percentiles({ wait, run }: { readonly wait: Figures; readonly run: Figures }) {
  return (
    <>
      {[wait, run].flatMap((figures, group) =>
        ["p50", "p95", "p99"].map((name) => (
          <td key={name + group} class="number">
            {duration(figures[name] ?? null)}
          </td>
        )),
      )}
    </>
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
