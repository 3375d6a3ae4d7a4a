/** @jsxImportSource preact */

import { dateTime, duration } from "../format.ts";
import { Empty, Fact, Failure, Panel, Waiting } from "../panel.tsx";
import { pathTo } from "../paths.ts";
import { Priority, Status } from "../status.tsx";
import { LongText, Words, withoutControls } from "../text.tsx";
import { Ago } from "../time.tsx";
import type { Task as TaskOnWire } from "../wire.ts";
import { TaskActions } from "./actions.tsx";
import { useTask } from "./follow.ts";
import { Logs } from "./logs.tsx";
import { Timeline } from "./timeline.tsx";
import { WhyItWaits } from "./why.tsx";

/** One task: what it was given, what became of it, and how it got there. */
export function Task({ id }: { readonly id: string }) {
  const { task, attempts, logs, error } = useTask(id);
  if (task === null) {
    if (error === null) return <Waiting />;
    return error.status === 404 ? (
      <Empty title={`There is no task ${id}`}>
        Final tasks are kept for a time and then pruned. <a href={pathTo("tasks")}>See those there are</a>
      </Empty>
    ) : (
      <Failure error={error} />
    );
  }
  const stack = attempts.at(-1)?.stack ?? null;
  const isError = task.error !== null && task.status !== "completed";
  return (
    <div class="task">
      <header class="head">
        <div>
          <h1>
            <Words text={task.func_name} />
          </h1>
          <code class="muted">{task.task_id}</code>
        </div>
        <Status of={task.status} />
        <TaskActions task={task} />
      </header>
      <Failure error={error} />
      <WhyItWaits task={task} />
      {task.progress === null ? null : (
        <p class="progress">
          <progress value={task.progress.fraction} aria-label="Progress" />
          <span>{Math.round(task.progress.fraction * 100)} %</span>
          {task.progress.message === null ? null : <Words text={task.progress.message} class="muted" />}
        </p>
      )}
      <Facts task={task} />
      {isError ? (
        <Panel title={task.status === "failed" ? "Error" : "Latest error"} aside={task.error_kind} class="full">
          <LongText text={stack ?? task.error ?? ""} label="Error with its stack" />
        </Panel>
      ) : null}
      <Panel title="Input">
        <LongText text={inputOf(task)} label="Input as JSON" />
      </Panel>
      <Panel title="Result">
        {task.status === "completed" ? (
          <LongText text={JSON.stringify(task.result, null, 2)} label="Result as JSON" />
        ) : (
          <Empty title={task.completed_at === null ? "None yet" : "None"} />
        )}
      </Panel>
      <Timeline task={task} attempts={attempts} />
      <Logs lines={logs} isRunning={task.status === "running"} />
    </div>
  );
}

function Facts({ task }: { readonly task: TaskOnWire }) {
  const { started_at: startedAt, completed_at: completedAt } = task;
  return (
    <dl class="facts panel">
      <Fact name="Priority">
        <Priority of={task.priority} />
      </Fact>
      <Fact name="Created">
        <Time at={task.created_at} />
      </Fact>
      <Fact name={startedAt === null || task.status === "retrying" ? "Due" : "Was due"}>
        <Time at={task.run_at} />
      </Fact>
      <Fact name="Started">{startedAt === null ? "–" : <Time at={startedAt} />}</Fact>
      <Fact name="Ended">{completedAt === null ? "–" : <Time at={completedAt} />}</Fact>
      <Fact name="Ran">
        {startedAt === null || completedAt === null
          ? "–"
          : duration((Date.parse(completedAt) - Date.parse(startedAt)) / 1_000)}
      </Fact>
      <Fact name="Retries">
        {task.retry_count} of {task.max_retries}
      </Fact>
      <Fact name="Timeout">{duration(task.timeout)}</Fact>
      {task.periodic_task === null ? null : (
        <Fact name="Made by">
          <a href={pathTo("periodic", task.periodic_task)}>
            <Words text={task.periodic_task} />
          </a>
        </Fact>
      )}
    </dl>
  );
}

function Time({ at }: { readonly at: string }) {
  return (
    <>
      {dateTime(at, "milliseconds")}{" "}
      <span class="muted">
        <Ago time={at} />
      </span>
    </>
  );
}

/** By name, and by position where something was given so. */
function inputOf({ args, kwargs }: TaskOnWire): string {
  return withoutControls(JSON.stringify(args.length === 0 ? kwargs : { args, kwargs }, null, 2));
}
