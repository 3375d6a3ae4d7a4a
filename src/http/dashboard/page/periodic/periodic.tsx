/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { access, call, readOnlyReason } from "../api.ts";
import { count } from "../format.ts";
import { useLoad } from "../load.ts";
import { Empty, Failure, Panel, Scroll, Waiting } from "../panel.tsx";
import { pathTo } from "../paths.ts";
import { useShared } from "../state.ts";
import { Words } from "../text.tsx";
import { Ago } from "../time.tsx";
import type { PeriodicEntry } from "../wire.ts";
import { EntryForm } from "./entry-form.tsx";
import { StripOf } from "./history.tsx";

const againMs = 5_000;

/** All periodic tasks. */
export function Periodic() {
  const { mayWrite } = useShared(access);
  const [isNew, setIsNew] = useState(false);
  const { data, error, reload } = useLoad(
    () => call<Readonly<Record<string, PeriodicEntry>>>("GET", "/api/v1/periodic-tasks"),
    [],
    againMs,
  );
  if (data === null) return error === null ? <Waiting /> : <Failure error={error} />;
  const entries = Object.values(data).sort(
    (a, b) => (a.next_run ?? "~").localeCompare(b.next_run ?? "~") || a.name.localeCompare(b.name),
  );
  return (
    <>
      <h1 class="hidden">Periodic tasks</h1>
      <Failure error={error} />
      <Panel
        title="Periodic tasks"
        aside={
          <>
            {entries.length === 0 ? null : count(entries.length)}
            <button
              type="button"
              disabled={!mayWrite}
              title={mayWrite ? undefined : readOnlyReason}
              onClick={() => setIsNew(true)}
            >
              New…
            </button>
          </>
        }
      >
        {entries.length === 0 ? (
          <Empty title="No periodic tasks yet">
            Create one here, or declare it in a handler: <code>schedule: "@daily"</code>
          </Empty>
        ) : (
          <Scroll label="List of periodic tasks">
            <table data-rows>
              <thead>
                <tr>
                  <th>Name</th>
                  <th>When</th>
                  <th class="aux">Time zone</th>
                  <th class="number">Next</th>
                  <th class="number aux">Last</th>
                  <th class="number aux">Fired</th>
                  <th>History</th>
                </tr>
              </thead>
              <tbody>
                {entries.map((entry) => (
                  <tr key={entry.name}>
                    <td class="name">
                      <a class="row" href={pathTo("periodic", entry.name)}>
                        <Words text={entry.name} />
                      </a>
                    </td>
                    <td class="name">
                      <Words text={entry.cron_words} />
                    </td>
                    <td class="aux">{entry.timezone}</td>
                    <td class="number">
                      {entry.enabled ? <Ago time={entry.next_run} /> : <span class="status">paused</span>}
                    </td>
                    <td class="number aux">
                      <Ago time={entry.last_run} />
                    </td>
                    <td class="number aux">{count(entry.run_count)}</td>
                    <td>
                      <StripOf name={entry.name} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </Panel>
      {isNew ? (
        <EntryForm
          entry={null}
          taken={Object.keys(data)}
          onClose={() => setIsNew(false)}
          onSaved={() => {
            setIsNew(false);
            reload();
          }}
        />
      ) : null}
    </>
  );
}
