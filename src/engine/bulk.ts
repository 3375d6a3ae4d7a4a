import { isStoreUnavailable, TaskflowError } from "../domain/error.ts";
import type { Log } from "../domain/log.ts";
import { isFinal, type Status, statuses, type Task } from "../domain/task.ts";
import type { Store, TaskFilter } from "../storage/store.ts";

/** The tasks that something is to be done with. */
export type Selection =
  | { readonly taskIds: readonly string[] }
  /** `cursor` is where the call before ended. */
  | { readonly filter: TaskFilter; readonly cursor?: string };

export interface Refusal {
  readonly taskId: string;
  readonly error: TaskflowError;
}

/** What became of them. */
export interface BulkResult {
  /** Tasks that were tried. */
  readonly matched: number;
  readonly done: number;
  /** Of those the ones that still run, and have been told to end. */
  readonly stopping: number;
  readonly refused: number;
  /** The first of them. */
  readonly refusals: readonly Refusal[];
  /** Where another call goes on, or null when all were tried. */
  readonly next: string | null;
}

/** How many tasks it would be about. */
export interface Estimate {
  readonly matched: number;
  /** There are more than were counted. */
  readonly more: boolean;
}

/** What is done with each. */
export interface BulkVerb {
  /** Tasks in other statuses are passed over. */
  readonly statuses: readonly Status[];
  /** What has become of the task, or of a new one made of it. */
  run(taskId: string): Promise<Task>;
  /** Said in the log, once for them all. */
  readonly message: string;
}

export interface BulkParts {
  readonly store: Store;
  readonly log: Log;
}

export const cancellable: readonly Status[] = statuses.filter((status) => !isFinal(status));
export const retryable: readonly Status[] = ["failed", "cancelled"];

/** Tasks in one transaction: few enough not to hold up requests. */
const chunk = 250;
/** Tasks, and pages of the list, after which a call answers, so that its client sees it going on. */
const mostTasks = 10_000;
const mostPages = 100;
/** Tasks counted in one step. */
const countStep = 2_000;
/** Refusals that are told of one by one. */
const mostRefusals = 20;

/** Does it with each, in chunks with room for others between. New tasks that match meanwhile are left alone. */
export async function bulk(selection: Selection, verb: BulkVerb, { store, log }: BulkParts): Promise<BulkResult> {
  const result = { matched: 0, done: 0, stopping: 0, refused: 0, refusals: [] as Refusal[] };
  try {
    let next: string | null = null;
    let pages = 0;
    for await (const page of "taskIds" in selection ? chunksOf(selection.taskIds) : pagesOf(selection, verb, store)) {
      const ends = await Promise.allSettled(page.taskIds.map((taskId) => verb.run(taskId)));
      for (const [index, end] of ends.entries()) note(end, page.taskIds[index] ?? "", result);
      next = page.next;
      pages += 1;
      if (result.matched >= mostTasks || pages >= mostPages) break;
    }
    return { ...result, next };
  } finally {
    if (result.matched > 0) log.info({ tasks: result.done, refused: result.refused }, verb.message);
  }
}

/** Counts up to 10,000 of them. */
export async function estimate(selection: Selection, verb: BulkVerb, store: Store): Promise<Estimate> {
  if ("taskIds" in selection) {
    const tasks = await Promise.all([...new Set(selection.taskIds)].map((taskId) => store.find(taskId)));
    return {
      matched: tasks.filter((task) => task !== null && verb.statuses.includes(task.status)).length,
      more: false,
    };
  }
  const filter = narrowed(selection.filter, verb);
  let matched = 0;
  let next: string | null = selection.cursor ?? null;
  for (let pages = 0; pages < mostPages && matched < mostTasks; pages++) {
    const counted = await store.count({ ...filter, limit: countStep, ...(next === null ? {} : { cursor: next }) });
    matched += counted.count;
    next = counted.next;
    if (next === null) break;
  }
  return { matched, more: next !== null };
}

interface Page {
  readonly taskIds: readonly string[];
  readonly next: string | null;
}

function* chunksOf(given: readonly string[]): Generator<Page> {
  const taskIds = [...new Set(given)];
  for (let at = 0; at < taskIds.length; at += chunk) yield { taskIds: taskIds.slice(at, at + chunk), next: null };
}

async function* pagesOf(
  { filter, cursor }: { readonly filter: TaskFilter; readonly cursor?: string },
  verb: BulkVerb,
  store: Store,
): AsyncGenerator<Page> {
  let next = cursor ?? null;
  do {
    const query = { ...narrowed(filter, verb), limit: chunk, ...(next === null ? {} : { cursor: next }) };
    const page = await store.list(query);
    next = page.next;
    yield { taskIds: page.tasks.map(({ id }) => id), next };
  } while (next !== null);
}

function narrowed(filter: TaskFilter, verb: BulkVerb): TaskFilter {
  return { ...filter, statuses: verb.statuses.filter((status) => filter.statuses?.includes(status) ?? true) };
}

function note(
  end: PromiseSettledResult<Task>,
  taskId: string,
  result: { matched: number; done: number; stopping: number; refused: number; refusals: Refusal[] },
): void {
  result.matched += 1;
  if (end.status === "fulfilled") {
    result.done += 1;
    if (end.value.status === "running") result.stopping += 1;
    return;
  }
  const error: unknown = end.reason;
  if (!(error instanceof TaskflowError) || isStoreUnavailable(error)) throw error;
  result.refused += 1;
  if (result.refusals.length < mostRefusals) result.refusals.push({ taskId, error });
}
