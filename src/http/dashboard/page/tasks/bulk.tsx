/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { ApiError, call } from "../api.ts";
import { Dialog } from "../dialog.tsx";
import { count, plural } from "../format.ts";
import { useLoad } from "../load.ts";
import { Failure, Waiting } from "../panel.tsx";
import type { Task } from "../wire.ts";
import { type Filter, wireFilter } from "./filter.ts";

export type BulkAction = "cancel" | "retry";

/** What it is done to: the tasks that were picked, or all that fit. */
export type Chosen = { readonly tasks: readonly Task[] } | { readonly filter: Filter };

interface BulkAnswer {
  readonly matched: number;
  readonly more: boolean;
  readonly cancelled?: number;
  readonly stopping?: number;
  readonly retried?: number;
  readonly refused: number;
  readonly refusals: readonly { readonly task_id: string; readonly detail: string }[];
  readonly cursor: string | null;
}

/** Tasks that one request may name. */
const mostNamed = 1_000;

interface BulkDialogProps {
  readonly action: BulkAction;
  readonly chosen: Chosen;
  readonly onClose: () => void;
  /** With what became of it, in a few words. */
  readonly onDone: (summary: string) => void;
}

/** Says how many tasks it is about, and does it when that is confirmed. */
export function BulkDialog({ action, chosen, onClose, onDone }: BulkDialogProps) {
  const [filter] = useState(() => ("filter" in chosen ? wireFilter(chosen.filter, Date.now()) : null));
  const [ids] = useState(() =>
    ("tasks" in chosen ? chosen.tasks.filter((task) => allows(action, task)) : []).map(({ task_id }) => task_id),
  );
  const estimate = useLoad(() => (filter === null ? counted(ids.length) : send(action, { filter, dry_run: true })), []);
  const [done, setDone] = useState<number | null>(null);
  const [error, setError] = useState<ApiError | null>(null);

  async function carryOut(): Promise<void> {
    setDone(0);
    setError(null);
    try {
      onDone(summaryOf(await sendAll(action, filter === null ? { task_ids: ids } : { filter }, setDone)));
    } catch (refusal) {
      if (!(refusal instanceof ApiError)) throw refusal;
      setError(refusal);
      setDone(null);
    }
  }

  const word = action === "cancel" ? "Cancel" : "Retry";
  const { data } = estimate;
  const left = "tasks" in chosen ? chosen.tasks.length - ids.length : 0;
  return (
    <Dialog title={`${word} tasks`} onClose={onClose}>
      {data === null ? (
        estimate.error === null ? (
          <Waiting />
        ) : (
          <Failure error={estimate.error} />
        )
      ) : (
        <div>
          <p class="question">
            {word}{" "}
            <strong>{data.more ? `more than ${count(data.matched)} tasks` : plural(data.matched, "task")}</strong>?
          </p>
          <p class="muted">{consequence[action]}</p>
          {left === 0 ? null : (
            <p class="muted">
              {plural(left, "task")} of the selection {left === 1 ? "is" : "are"} {exempt[action]} and left alone.
            </p>
          )}
        </div>
      )}
      <Failure error={error} />
      <div class="actions">
        <button type="button" onClick={onClose}>
          Leave them
        </button>
        <button
          type="button"
          class={action === "cancel" ? "danger" : "primary"}
          disabled={data === null || data.matched === 0 || done !== null}
          onClick={() => void carryOut()}
        >
          {done === null
            ? `${word} ${data === null ? "" : plural(data.matched, "task")}${data?.more ? " and more" : ""}`
            : `${count(done)} done…`}
        </button>
      </div>
    </Dialog>
  );
}

const consequence: Readonly<Record<BulkAction, string>> = {
  cancel: "What waits is cancelled at once. What runs is told to stop, and ended by force after the grace.",
  retry: "Each is submitted again with the same input, as a new task. The old ones stay as they are.",
};
const exempt: Readonly<Record<BulkAction, string>> = { cancel: "final already", retry: "neither failed nor cancelled" };

function allows(action: BulkAction, { status }: Task): boolean {
  const isFailed = status === "failed" || status === "cancelled";
  return action === "retry" ? isFailed : !isFailed && status !== "completed";
}

async function counted(matched: number): Promise<BulkAnswer> {
  return { matched, more: false, refused: 0, refusals: [], cursor: null };
}

/** A filter is worked through in parts, each from where the one before ended. */
async function sendAll(
  action: BulkAction,
  selection: { readonly filter: object } | { readonly task_ids: readonly string[] },
  onProgress: (done: number) => void,
): Promise<BulkAnswer> {
  const parts =
    "task_ids" in selection
      ? chunks(selection.task_ids).map((task_ids) => ({ task_ids }))
      : [{ filter: selection.filter }];
  let total: BulkAnswer = await counted(0);
  for (const part of parts) {
    let cursor: string | null = null;
    do {
      const answer: BulkAnswer = await send(action, cursor === null ? part : { ...part, cursor });
      total = sum(total, answer);
      onProgress(total.matched);
      cursor = answer.cursor;
    } while (cursor !== null);
  }
  return total;
}

function send(action: BulkAction, body: object): Promise<BulkAnswer> {
  return call<BulkAnswer>("POST", `/api/v1/tasks/${action}`, body);
}

function chunks(ids: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(ids.length / mostNamed) }, (_, index) =>
    ids.slice(index * mostNamed, (index + 1) * mostNamed),
  );
}

function sum(a: BulkAnswer, b: BulkAnswer): BulkAnswer {
  return {
    matched: a.matched + b.matched,
    more: false,
    cancelled: (a.cancelled ?? 0) + (b.cancelled ?? 0),
    stopping: (a.stopping ?? 0) + (b.stopping ?? 0),
    retried: (a.retried ?? 0) + (b.retried ?? 0),
    refused: a.refused + b.refused,
    refusals: [...a.refusals, ...b.refusals].slice(0, 20),
    cursor: null,
  };
}

function summaryOf({ cancelled = 0, stopping = 0, retried = 0, refused, refusals }: BulkAnswer): string {
  const parts = [
    cancelled > 0 ? `${plural(cancelled, "task")} cancelled` : "",
    stopping > 0 ? `${plural(stopping, "task")} being stopped` : "",
    retried > 0 ? `${plural(retried, "task")} submitted again` : "",
    refused > 0 ? `${plural(refused, "task")} refused: ${refusals[0]?.detail ?? ""}` : "",
  ];
  return parts.filter(Boolean).join(", ") || "nothing to do";
}
