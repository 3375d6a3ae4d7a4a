/** @jsxImportSource preact */

import { call } from "../api.ts";
import { count } from "../format.ts";
import { useEvents } from "../live.ts";
import { useLoad, useThrottled } from "../load.ts";
import { Empty, Failure, Panel, Scroll } from "../panel.tsx";
import { pathTo, withQuery } from "../paths.ts";
import { Words } from "../text.tsx";
import { Ago } from "../time.tsx";
import type { Failures as FailuresOnWire } from "../wire.ts";

const shown = 10;
const againMs = 2_000;
const idleMs = 60_000;

/** What went wrong in the last day, alike together. */
export function Failures() {
  const { data, error, reload } = useLoad(() => call<FailuresOnWire>("GET", "/api/v1/metrics/failures"), [], idleMs);
  const lookAgain = useThrottled(reload, againMs);
  useEvents((events) => {
    if (events.some(({ type }) => type === "task_failed")) lookAgain();
  });
  const groups = data?.groups ?? [];
  return (
    <Panel
      title="Failures"
      class="full"
      aside={data?.more ? `of the latest ${count(data.looked_at)}` : "last 24 hours"}
    >
      <Failure error={error} />
      {data !== null && groups.length === 0 ? <Empty title="No task has failed" /> : null}
      {groups.length === 0 ? null : (
        <Scroll label="List of failures">
          <table class="failures">
            <thead>
              <tr>
                <th class="number">Tasks</th>
                <th>Error</th>
                <th>Handler</th>
                <th class="number">Latest</th>
              </tr>
            </thead>
            <tbody>
              {groups.slice(0, shown).map((group) => (
                <tr key={`${group.func_name} ${group.error}`}>
                  <td class="number">{count(group.count)}</td>
                  <td class="name error-text">
                    <a href={pathTo("tasks", group.last_task_id)}>
                      <Words text={group.count === 1 ? group.last_error : group.error} />
                    </a>
                  </td>
                  <td class="name">
                    <a href={withQuery(pathTo("tasks"), { status: "failed", func_name: group.func_name })}>
                      <Words text={group.func_name} />
                    </a>
                  </td>
                  <td class="number">
                    <Ago time={group.last_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}
