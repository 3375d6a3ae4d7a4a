/** @jsxImportSource preact */
import { pathTo, withQuery } from "../address.ts";
import { call } from "../api.ts";
import { count, dateTime } from "../format.ts";
import { useLoad } from "../load.ts";
import { Ago } from "../time.tsx";
import type { Handler, Metrics, Task } from "../wire.ts";

const againMs = 2_000;

/** Says what a task waits for that waits. */
export function WhyItWaits({ task }: { readonly task: Task }) {
  if (task.status === "queued") return <WhyQueued task={task} />;
  if (task.status === "pending") {
    return (
      <p class="why">
        It waits for its time: it is due at {dateTime(task.run_at)}, <Ago time={task.run_at} />.
      </p>
    );
  }
  if (task.status !== "retrying") return null;
  return (
    <p class="why">
      Its latest attempt failed. Retry {task.retry_count} of {task.max_retries} is due at {dateTime(task.run_at)},{" "}
      <Ago time={task.run_at} />.
    </p>
  );
}

function WhyQueued({ task }: { readonly task: Task }) {
  const metrics = useLoad(() => call<Metrics>("GET", "/api/v1/metrics"), [], againMs);
  const handler = useLoad(
    () => call<Handler>("GET", `/api/v1/handlers/${encodeURIComponent(task.func_name)}`),
    [task.func_name],
    againMs,
  );
  if (handler.error?.status === 404) {
    return (
      <p class="why">
        There is no handler {task.func_name} at present: it waits for the file to come back, for a time.
      </p>
    );
  }
  if (handler.data?.serving_generation === null) {
    const { error } = handler.data;
    return (
      <p class="why">
        Its handler does not load: {error?.file}
        {error?.line ? `:${error.line}` : ""}: {error?.message}
      </p>
    );
  }
  if (metrics.data === null) return null;
  const { workers, queue } = metrics.data;
  if (workers.num_workers === 0) return <p class="why">This server has no workers: it accepts tasks and runs none.</p>;
  if (!workers.running) return <p class="why">It waits for a worker: none is up.</p>;
  return (
    <p class="why">
      It waits for a worker: {count(queue.running_count)} of {count(workers.slots)} slots are in use, and{" "}
      <a href={withQuery(pathTo("tasks"), { status: "queued" })}>{count(queue.current_size)} tasks wait</a>, the highest
      priority first, then whichever is due first.
    </p>
  );
}
