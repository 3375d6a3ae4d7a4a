import { pathTo, withQuery } from "../paths.ts";
import { priorityNames, type Task } from "../wire.ts";

/** What the address says that tasks have to be. The names are those of the API, but for `within`. */
export const filterNames = [
  "q",
  "status",
  "func_name",
  "priority",
  "within",
  "created_after",
  "created_before",
  "error",
  "periodic_task",
] as const;
export type FilterName = (typeof filterNames)[number];
export type Filter = Readonly<Partial<Record<FilterName, string>>>;

/** `within` in seconds: created no longer ago than that. */
export const spans = [
  { seconds: 900, name: "last 15 minutes" },
  { seconds: 3_600, name: "last hour" },
  { seconds: 86_400, name: "last 24 hours" },
  { seconds: 604_800, name: "last 7 days" },
] as const;

export function filterIn(query: URLSearchParams): Filter {
  return Object.fromEntries(filterNames.flatMap((name) => (query.get(name) ? [[name, query.get(name)]] : [])));
}

/** The address of the tasks that fit. */
export function pathOf(filter: Filter): string {
  return withQuery(pathTo("tasks"), filter);
}

/** The filter as the API takes it, in a query or as the `filter` of a request. */
export function wireFilter({ within, ...rest }: Filter, now: number): Readonly<Record<string, string>> {
  const seconds = Number(within);
  if (!(seconds > 0)) return rest;
  return { ...rest, created_after: new Date(now - seconds * 1_000).toISOString() };
}

/** Whether a task that was heard of belongs in the list. The server decides; this is for the count of what is new. */
export function fits(task: Task, filter: Filter, now: number): boolean {
  const { q, status, func_name, priority, created_after, created_before, error, periodic_task } = wireFilter(
    filter,
    now,
  );
  const createdAt = Date.parse(task.created_at);
  return (
    (status === undefined || status.split(",").includes(task.status)) &&
    (func_name === undefined || task.func_name === func_name) &&
    (priority === undefined || priority === String(task.priority) || priority === priorityNames[task.priority]) &&
    (created_after === undefined || createdAt >= Date.parse(created_after)) &&
    (created_before === undefined || createdAt < Date.parse(created_before)) &&
    (error === undefined || (task.error ?? "").toLowerCase().includes(error.toLowerCase())) &&
    (periodic_task === undefined || task.periodic_task === periodic_task) &&
    (q === undefined ||
      task.task_id.startsWith(q.toLowerCase()) ||
      task.func_name.toLowerCase().includes(q.toLowerCase()))
  );
}
