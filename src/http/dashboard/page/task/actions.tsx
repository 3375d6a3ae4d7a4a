/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { go } from "../address.ts";
import { ApiError, access, call, readOnlyReason } from "../api.ts";
import { Dialog } from "../dialog.tsx";
import { Failure } from "../panel.tsx";
import { pathTo } from "../paths.ts";
import { useShared } from "../state.ts";
import type { Task } from "../wire.ts";
import { RunAgain } from "./run-again.tsx";

/** What can be done with the task as it is now. */
export function TaskActions({ task }: { readonly task: Task }) {
  const { mayWrite } = useShared(access);
  const [asks, setAsks] = useState<"cancel" | "again" | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const isFinal = task.completed_at !== null;

  async function post(action: "cancel" | "retry"): Promise<void> {
    setError(null);
    setAsks(null);
    try {
      const answer = await call<Task>("POST", `/api/v1/tasks/${task.task_id}/${action}`);
      if (action === "retry") go(pathTo("tasks", answer.task_id));
    } catch (refusal) {
      if (!(refusal instanceof ApiError)) throw refusal;
      setError(refusal);
    }
  }

  const shared = { type: "button", disabled: !mayWrite, title: mayWrite ? undefined : readOnlyReason } as const;
  return (
    <>
      <span class="actions">
        {isFinal ? null : (
          <button {...shared} class="danger" onClick={() => setAsks("cancel")}>
            Cancel…
          </button>
        )}
        {task.status === "failed" || task.status === "cancelled" ? (
          <button {...shared} class="primary" onClick={() => void post("retry")}>
            Retry
          </button>
        ) : null}
        <button {...shared} onClick={() => setAsks("again")}>
          Run again…
        </button>
      </span>
      <Failure error={error} />
      {asks === "again" ? <RunAgain task={task} onClose={() => setAsks(null)} /> : null}
      {asks === "cancel" ? (
        <Dialog title="Cancel this task" onClose={() => setAsks(null)}>
          <p>
            {task.status === "running"
              ? "It runs: it is told to stop, and ended by force after the grace."
              : "It waits, and is cancelled at once."}
          </p>
          <div class="actions">
            <button type="button" onClick={() => setAsks(null)}>
              Leave it
            </button>
            <button type="button" class="danger" onClick={() => void post("cancel")}>
              Cancel 1 task
            </button>
          </div>
        </Dialog>
      ) : null}
    </>
  );
}
