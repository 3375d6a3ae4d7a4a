import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, call } from "../api.ts";
import { useThrottled } from "../load.ts";
import { openSocket } from "../socket.ts";
import type { Attempt, LogLine, Task, TaskEvent } from "../wire.ts";
import { joined } from "./lines.ts";

/** Milliseconds between two updates of what is shown. */
const updateMs = 100;

/** A task with all that is known of it. */
export interface Followed {
  readonly task: Task | null;
  readonly attempts: readonly Attempt[];
  readonly logs: readonly LogLine[];
  readonly error: ApiError | null;
}

/** Follows one task over a connection of its own, on which it is told of that task alone and of every line that it logs. */
export function useTask(id: string): Followed {
  const state = useRef(start());
  const [followed, setFollowed] = useState<Followed>(start());
  const show = useThrottled(() => setFollowed({ ...state.current }), updateMs);

  useEffect(() => {
    let isOver = false;
    let latestSeq = -1;
    /** Lines that came while all of them were being fetched. */
    let held: LogLine[] | null = null;
    let asked = 0;
    state.current = start();
    setFollowed(start());

    async function fetchAll(): Promise<void> {
      asked += 1;
      const turn = asked;
      held = [];
      try {
        const path = `/api/v1/tasks/${encodeURIComponent(id)}`;
        const seqBefore = latestSeq;
        const [task, attempts, logs] = await Promise.all([
          call<Task>("GET", path),
          call<readonly Attempt[]>("GET", `${path}/attempts`),
          call<readonly LogLine[]>("GET", `${path}/logs`),
        ]);
        if (isOver || turn !== asked) return;
        const isNewest = seqBefore === latestSeq || state.current.task === null;
        state.current = {
          task: isNewest ? task : state.current.task,
          attempts,
          logs: joined(logs, held),
          error: null,
        };
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (isOver || turn !== asked) return;
        state.current = { ...state.current, error };
      }
      held = null;
      show();
    }

    function hear({ type, task, seq, log }: TaskEvent): void {
      latestSeq = seq;
      state.current = { ...state.current, task };
      if (log !== undefined && held !== null) held.push(log);
      else if (log !== undefined) state.current = { ...state.current, logs: [...state.current.logs, log] };
      // Attempts come and go with these, and at the end nothing must be missing.
      if (type !== "task_log" && type !== "task_progress") void fetchAll();
      show();
    }

    void fetchAll();
    const socket = openSocket({ event: hear, connected: () => void fetchAll(), lost: () => undefined }, id);
    return () => {
      isOver = true;
      socket.close();
    };
  }, [id]);
  return followed;
}

function start(): Followed {
  return { task: null, attempts: [], logs: [], error: null };
}
