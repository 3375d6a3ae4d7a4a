/** @jsxImportSource preact */

import { dateTime } from "../format.ts";
import { Empty, Panel } from "../panel.tsx";
import { pathTo } from "../paths.ts";
import { Words } from "../text.tsx";
import { Ago } from "../time.tsx";
import type { PeriodicEntry } from "../wire.ts";

const shown = 8;

/** The periodic tasks that are due next. */
export function Firings({ entries }: { readonly entries: readonly PeriodicEntry[] }) {
  const next = entries
    .flatMap(({ name, next_run }) => (next_run === null ? [] : [{ name, next_run }]))
    .sort((a, b) => a.next_run.localeCompare(b.next_run))
    .slice(0, shown);
  return (
    <Panel title="Next periodic tasks" aside={entries.length === 0 ? null : `${next.length} of ${entries.length}`}>
      {next.length === 0 ? (
        <Empty title={entries.length === 0 ? "No periodic tasks yet" : "All of them are paused"}>
          {entries.length === 0 ? (
            <>
              A handler declares one by <code>schedule</code>, or <code>POST /api/v1/periodic-tasks</code> creates it.
            </>
          ) : null}
        </Empty>
      ) : (
        <table>
          <tbody>
            {next.map(({ name, next_run }) => (
              <tr key={name}>
                <td class="name">
                  <a href={pathTo("periodic", name)}>
                    <Words text={name} />
                  </a>
                </td>
                <td class="number">{dateTime(next_run).slice(11)}</td>
                <td class="number">
                  <Ago time={next_run} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
