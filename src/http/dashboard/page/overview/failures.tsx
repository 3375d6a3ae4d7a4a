/** @jsxImportSource preact */
import { pathTo, withQuery } from "../address.ts";
import { callForPage } from "../api.ts";
import { count } from "../format.ts";
import { useEvents } from "../live.ts";
import { useLoad, useThrottled } from "../load.ts";
import { Empty, Failure, Panel, Scroll } from "../panel.tsx";
import { Words } from "../text.tsx";
import { Ago } from "../time.tsx";
import type { Task } from "../wire.ts";

/** Failed tasks that are looked at. */
const looked = 200;
const shown = 10;
const againMs = 2_000;

interface Group {
  readonly funcName: string;
  readonly error: string;
  readonly tasks: readonly Task[];
}

/** What went wrong lately, alike together. */
export function Failures() {
  const { data, error, reload } = useLoad(() => callForPage<Task>(`/api/v1/tasks?status=failed&limit=${looked}`), []);
  const lookAgain = useThrottled(reload, againMs);
  useEvents((events) => {
    if (events.some(({ type }) => type === "task_failed")) lookAgain();
  });
  const groups = grouped(data?.items ?? []);
  return (
    <Panel title="Failures" class="full" aside={data?.next ? `the latest ${looked}` : null}>
      <Failure error={error} />
      {data !== null && groups.length === 0 ? <Empty title="No task has failed" /> : null}
      {groups.length === 0 ? null : (
        <Scroll label="List of failures">
          <table>
            <thead>
              <tr>
                <th class="number">Tasks</th>
                <th>Error</th>
                <th>Handler</th>
                <th class="number">Latest</th>
              </tr>
            </thead>
            <tbody>
              {groups.slice(0, shown).map(({ funcName, error: text, tasks }) => (
                <tr key={`${funcName} ${text}`}>
                  <td class="number">{count(tasks.length)}</td>
                  <td class="name error-text">
                    <a href={pathTo("tasks", tasks[0]?.task_id ?? "")}>
                      <Words text={text} />
                    </a>
                  </td>
                  <td class="name">
                    <a href={withQuery(pathTo("tasks"), { status: "failed", func_name: funcName })}>
                      <Words text={funcName} />
                    </a>
                  </td>
                  <td class="number">
                    <Ago time={tasks[0]?.completed_at ?? null} />
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

/** The largest group first. */
function grouped(tasks: readonly Task[]): readonly Group[] {
  const groups = Map.groupBy(tasks, ({ func_name, error }) => JSON.stringify([func_name, kindOf(error ?? "")]));
  return [...groups.values()]
    .map((each) => ({ funcName: each[0]?.func_name ?? "", error: each[0]?.error ?? "", tasks: each }))
    .sort((a, b) => b.tasks.length - a.tasks.length);
}

/** An error without what differs from one task to the next. */
function kindOf(error: string): string {
  const [line = ""] = error.split("\n");
  return line.replace(/\d+/g, "#").slice(0, 200);
}
