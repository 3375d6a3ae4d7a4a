import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type ApiError, callForPage, type Page } from "../api.ts";
import { useEvents } from "../live.ts";
import { useLoad, useThrottled } from "../load.ts";
import { withQuery } from "../paths.ts";
import type { Task } from "../wire.ts";
import { type Filter, fits, wireFilter } from "./filter.ts";

const pageSize = 100;
/** Milliseconds between two updates of what is shown. */
const updateMs = 250;
/** New tasks that are counted one by one. */
const mostCounted = 10_000;

export interface TaskList {
  /** As they are now, though some may fit no more; null before the first answer. */
  readonly tasks: readonly Task[] | null;
  readonly error: ApiError | null;
  /** Tasks that fit and came since: they wait to be shown, so that nothing moves under the pointer. */
  readonly fresh: number;
  readonly hasMore: boolean;
  showFresh(): void;
  showMore(): void;
}

/** The tasks that fit, newest first, kept up to date where they stand. */
export function useTaskList(filter: Filter): TaskList {
  const news = useRef(noNews(null));
  const address = withQuery("/api/v1/tasks", { ...filter, limit: String(pageSize) });
  const first = useLoad<Page<Task>>(() => {
    news.current.sinceAsked = new Map();
    return callForPage(withQuery("/api/v1/tasks", { ...wireFilter(filter, Date.now()), limit: String(pageSize) }));
  }, [address]);
  const [more, setMore] = useState<Page<Task> | null>(null);
  const [moreError, setMoreError] = useState<ApiError | null>(null);
  const [, redraw] = useState(0);

  const { data } = first;
  useEffect(() => {
    setMore(null);
    setMoreError(null);
  }, [data]);
  const all = data === null ? null : [...data.items, ...(more?.items ?? [])];
  const shown = new Set(all?.map(({ task_id }) => task_id));
  const hear = (task: Task, now: number) => {
    const { changed, fresh, sinceAsked } = news.current;
    sinceAsked?.set(task.task_id, task);
    if (shown.has(task.task_id)) changed.set(task.task_id, task);
    else if (fresh.size < mostCounted && fits(task, filter, now)) fresh.add(task.task_id);
  };
  if (news.current.of !== data) {
    // What was heard before it was asked for is part of the answer; what came since may be or not, and is the later state.
    const sinceAsked = news.current.sinceAsked ?? new Map<string, Task>();
    news.current = noNews(data);
    for (const task of sinceAsked.values()) hear(task, Date.now());
  }

  const update = useThrottled(() => redraw((count) => count + 1), updateMs);
  useEvents((events) => {
    const now = Date.now();
    for (const { task } of events) hear(task, now);
    update();
  });

  const next = (more ?? data)?.next ?? null;
  const showMore = useCallback(() => {
    if (next === null) return;
    callForPage<Task>(next).then(
      (page) => setMore((before) => ({ items: [...(before?.items ?? []), ...page.items], next: page.next })),
      (error: ApiError) => setMoreError(error),
    );
  }, [next]);
  return {
    tasks: all?.map((task) => news.current.changed.get(task.task_id) ?? task) ?? null,
    error: first.error ?? moreError,
    fresh: news.current.fresh.size,
    hasMore: next !== null,
    showFresh: first.reload,
    showMore,
  };
}

interface News {
  /** The first page that they are news to. */
  readonly of: Page<Task> | null;
  /** Tasks that are shown, as they are now. */
  readonly changed: Map<string, Task>;
  /** Ids of those that fit and are not shown. */
  readonly fresh: Set<string>;
  /** What was heard since the page was asked for, while its answer is under way. */
  sinceAsked: Map<string, Task> | null;
}

function noNews(of: Page<Task> | null): News {
  return { of, changed: new Map(), fresh: new Set(), sinceAsked: null };
}
