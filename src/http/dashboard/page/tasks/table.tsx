/** @jsxImportSource preact */

import { duration, shortId } from "../format.ts";
import { Scroll } from "../panel.tsx";
import { pathTo } from "../paths.ts";
import { Priority, Status } from "../status.tsx";
import { Words } from "../text.tsx";
import { Ago } from "../time.tsx";
import type { Task } from "../wire.ts";

interface TaskTableProps {
  readonly tasks: readonly Task[];
  readonly picked: ReadonlySet<string>;
  readonly onPick: (ids: ReadonlySet<string>) => void;
}

/** Tasks, a row each. */
export function TaskTable({ tasks, picked, onPick }: TaskTableProps) {
  const areAll = picked.size > 0 && tasks.every(({ task_id }) => picked.has(task_id));
  return (
    <Scroll label="List of tasks">
      <table data-rows class="task-table">
        <thead>
          <tr>
            <th>
              <input
                type="checkbox"
                aria-label="Select all that are shown"
                checked={areAll}
                ref={(box) => {
                  if (box !== null) box.indeterminate = picked.size > 0 && !areAll;
                }}
                onChange={() => onPick(new Set(areAll ? [] : tasks.map(({ task_id }) => task_id)))}
              />
            </th>
            <th>Status</th>
            <th>Task</th>
            <th class="aux">Id</th>
            <th class="aux">Priority</th>
            <th class="number">Created</th>
            <th class="number aux">Waited</th>
            <th class="number aux">Ran</th>
            <th class="number aux">Retries</th>
            <th>Outcome</th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <Row
              key={task.task_id}
              task={task}
              isPicked={picked.has(task.task_id)}
              onToggle={() => {
                const next = new Set(picked);
                if (!next.delete(task.task_id)) next.add(task.task_id);
                onPick(next);
              }}
            />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Row({
  task,
  isPicked,
  onToggle,
}: {
  readonly task: Task;
  readonly isPicked: boolean;
  readonly onToggle: () => void;
}) {
  const { task_id: id, func_name: name } = task;
  return (
    <tr class={isPicked ? "picked" : undefined}>
      <td>
        <input type="checkbox" aria-label={`Select ${name} ${shortId(id)}`} checked={isPicked} onChange={onToggle} />
      </td>
      <td>
        <Status of={task.status} />
      </td>
      <td class="name">
        <a class="row" href={pathTo("tasks", id)}>
          <Words text={name} />
        </a>
      </td>
      <td class="aux mono muted" title={id}>
        {shortId(id)}
      </td>
      <td class="aux">
        <Priority of={task.priority} />
      </td>
      <td class="number">
        <Ago time={task.created_at} />
      </td>
      <td class="number aux">{duration(between(task.run_at, task.started_at))}</td>
      <td class="number aux">
        {duration(task.status === "running" ? null : between(task.started_at, task.completed_at))}
      </td>
      <td class="number aux">
        {task.retry_count === 0 ? <span class="muted">–</span> : `${task.retry_count} of ${task.max_retries}`}
      </td>
      <td class="name">
        <Outcome task={task} />
      </td>
    </tr>
  );
}

function Outcome({ task }: { readonly task: Task }) {
  const { status, error, result, progress, run_at } = task;
  if (status === "running" && progress !== null) {
    return (
      <>
        <progress value={progress.fraction} aria-label="Progress" />
        {progress.message === null ? null : <Words text={progress.message} class="muted" />}
      </>
    );
  }
  if (status === "pending") {
    return (
      <span class="muted">
        due <Ago time={run_at} />
      </span>
    );
  }
  if (status === "completed") return <Words text={JSON.stringify(result) ?? ""} class="mono muted" />;
  return error === null ? null : <Words text={error} class="error-text" />;
}

/** Seconds, or null when either is not there yet. Of a task that is retried, the start may be of an attempt before. */
function between(from: string | null, to: string | null): number | null {
  if (from === null || to === null) return null;
  const seconds = (Date.parse(to) - Date.parse(from)) / 1_000;
  return seconds < 0 ? null : seconds;
}
