/** @jsxImportSource preact */

import { call } from "../api.ts";
import { dateTime } from "../format.ts";
import { useLoad } from "../load.ts";
import { pathTo, withQuery } from "../paths.ts";
import { Words } from "../text.tsx";
import { Ago } from "../time.tsx";
import type { Task, Waiting } from "../wire.ts";

const againMs = 2_000;

/** Says what a task waits for that waits. */
export function WhyItWaits({ task }: { readonly task: Task }) {
  if (task.status === "running" || task.completed_at !== null) return null;
  return <Why key={task.status} id={task.task_id} />;
}

function Why({ id }: { readonly id: string }) {
  const { data } = useLoad(() => call<Waiting>("GET", `/api/v1/tasks/${id}/waiting`), [id], againMs);
  if (data === null || data.detail === null) return null;
  const { reason, detail, until } = data;
  return (
    <p class="why">
      <strong>Why it waits:</strong> <Words text={detail} />
      {until === null ? null : (
        <>
          {" "}
          <span class="muted">
            {reason === "handler" ? "it is failed" : "due"} {dateTime(until)}, <Ago time={until} />
          </span>
        </>
      )}
      {reason === "queue" ? (
        <>
          {" "}
          <a href={withQuery(pathTo("tasks"), { status: "queued" })}>See what waits</a>
        </>
      ) : null}
    </p>
  );
}
