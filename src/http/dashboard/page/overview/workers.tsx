/** @jsxImportSource preact */

import { bytes, count, wholeSeconds } from "../format.ts";
import { Empty, Panel, Scroll } from "../panel.tsx";
import { pathTo } from "../paths.ts";
import { Status } from "../status.tsx";
import { Words } from "../text.tsx";
import { useNow } from "../time.tsx";
import type { Metrics, Task } from "../wire.ts";

interface WorkersProps {
  readonly workers: Metrics["workers"];
  /** Those that run, as far as they are known. */
  readonly tasks: readonly Task[];
}

/** Each worker with what it runs and how much memory it holds. */
export function Workers({ workers, tasks }: WorkersProps) {
  const byId = new Map(tasks.map((task) => [task.task_id, task]));
  return (
    <Panel title="Workers" class="wide" aside={`${count(workers.active_workers)} of ${count(workers.num_workers)} up`}>
      {workers.pool.length === 0 ? (
        <Empty title="No workers">
          This server accepts and stores tasks and runs none: <code>TASKFLOW_NUM_WORKERS</code> is 0.
        </Empty>
      ) : (
        <Scroll label="List of workers">
          <table>
            <thead>
              <tr>
                <th>Worker</th>
                <th>State</th>
                <th>Runs</th>
                <th class="number">For</th>
                <th class="number">Memory</th>
                <th class="number aux">Attempts</th>
                <th class="number aux">Age</th>
              </tr>
            </thead>
            <tbody>
              {workers.pool.map((worker) => (
                <tr key={worker.id}>
                  <td class="mono">{worker.id}</td>
                  <td>
                    <Status of={worker.state} />
                  </td>
                  <Runs ids={worker.tasks} byId={byId} />
                  <td class="number">{bytes(worker.rss_bytes)}</td>
                  <td class="number aux">{count(worker.attempts)}</td>
                  <td class="number aux">{wholeSeconds(worker.age)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}

function Runs({ ids, byId }: { readonly ids: readonly string[]; readonly byId: ReadonlyMap<string, Task> }) {
  const now = useNow();
  const [first] = ids;
  const task = first === undefined ? undefined : byId.get(first);
  if (first === undefined) {
    return (
      <>
        <td class="muted">–</td>
        <td class="number muted">–</td>
      </>
    );
  }
  const startedAt = task?.started_at ?? null;
  return (
    <>
      <td class="name">
        <a href={pathTo("tasks", first)}>{task === undefined ? first.slice(-8) : <Words text={task.func_name} />}</a>
        {task?.progress ? (
          <progress value={task.progress.fraction} aria-label={`Progress of ${task.func_name}`} />
        ) : null}
        {ids.length > 1 ? <span class="muted"> and {ids.length - 1} more</span> : null}
      </td>
      <td class="number">{startedAt === null ? "–" : wholeSeconds((now - Date.parse(startedAt)) / 1_000)}</td>
    </>
  );
}
