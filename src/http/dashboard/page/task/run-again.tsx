/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { go } from "../address.ts";
import { ApiError, call } from "../api.ts";
import { Dialog } from "../dialog.tsx";
import { Failure } from "../panel.tsx";
import { pathTo } from "../paths.ts";
import type { Task } from "../wire.ts";

/** Submits the same handler with the same input or another, as a new task, and goes there. */
export function RunAgain({ task, onClose }: { readonly task: Task; readonly onClose: () => void }) {
  const [args, setArgs] = useState(() => JSON.stringify(task.args, null, 2));
  const [kwargs, setKwargs] = useState(() => JSON.stringify(task.kwargs, null, 2));
  const [error, setError] = useState<ApiError | null>(null);

  async function submit(): Promise<void> {
    setError(null);
    try {
      const { func_name, priority, max_retries, timeout } = task;
      const input = { args: parsed(args, "args"), kwargs: parsed(kwargs, "kwargs") };
      const made = await call<Task>("POST", "/api/v1/tasks", { func_name, priority, max_retries, timeout, ...input });
      onClose();
      go(pathTo("tasks", made.task_id));
    } catch (refusal) {
      if (!(refusal instanceof ApiError)) throw refusal;
      setError(refusal);
    }
  }

  return (
    <Dialog title={`Run ${task.func_name} again`} onClose={onClose}>
      <form
        class="stacked"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {task.args.length === 0 ? null : (
          <label>
            By position (args)
            <textarea spellcheck={false} value={args} onInput={({ currentTarget }) => setArgs(currentTarget.value)} />
          </label>
        )}
        <label>
          By name (kwargs)
          <textarea
            spellcheck={false}
            rows={10}
            value={kwargs}
            onInput={({ currentTarget }) => setKwargs(currentTarget.value)}
          />
        </label>
        <Failure error={error} />
        <div class="actions">
          <button type="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" class="primary">
            Submit
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError(`${name} is not JSON: ${error instanceof Error ? error.message : error}`, 422);
  }
}
