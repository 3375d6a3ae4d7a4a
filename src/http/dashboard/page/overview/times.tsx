/** @jsxImportSource preact */
import { pathTo } from "../address.ts";
import { duration } from "../format.ts";
import { Empty, Panel, Scroll } from "../panel.tsx";
import { Words } from "../text.tsx";
import type { Metrics } from "../wire.ts";

/** Handlers shown; the busiest. */
const shown = 8;

/** How long attempts waited and ran, by handler. */
export function Times({ handlers }: { readonly handlers: Metrics["handlers"] }) {
  const busiest = Object.entries(handlers)
    .map(([name, { wait, run, ...outcomes }]) => ({ name, wait, run, attempts: sum(Object.values(outcomes)) }))
    .sort((a, b) => b.attempts - a.attempts)
    .slice(0, shown);
  return (
    <Panel title="Wait and run" aside="of the latest 1,000 attempts of each handler">
      {busiest.length === 0 ? (
        <Empty title="Nothing has run since the start" />
      ) : (
        <Scroll label="Wait and run by handler">
          <table>
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
              {busiest.map(({ name, wait, run }) => (
                <tr key={name}>
                  <td class="name">
                    <a href={pathTo("handlers", name)}>
                      <Words text={name} />
                    </a>
                  </td>
                  {[wait.p50, wait.p95, wait.p99, run.p50, run.p95, run.p99].map((value, index) => (
                    <td key={index} class="number">
                      {duration(value ?? null)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
