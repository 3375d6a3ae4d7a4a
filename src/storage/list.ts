/** Tasks by a filter, newest first: pages of them, and how many there are. No call looks at more than so many rows. */

import type { Database } from "bun:sqlite";
import { validationFailed } from "../domain/error.ts";
import { statuses, type Task } from "../domain/task.ts";
import { funcNames } from "./reads.ts";
import { type TaskRow, taskColumns, taskFromRow } from "./rows.ts";
import type { Counted, ListFilter, TaskFilter, TaskPage } from "./store.ts";

/** Rows that one page looks at in search of what matches: some ten milliseconds each. */
const mostLookedAt = { inOrder: 10_000, merged: 2_500 };
/** A page ends early above this many bytes, so that a thousand tasks of a megabyte do not fill the memory. */
const pageBytes = 16 * 1024 * 1024;
/** How far the clock may have been set back while tasks came in: they are kept in order of submission, not of time. */
const clockSlackMs = 60_000;

/** What no index answers, so that rows are looked at one by one: the error last, which lies behind the values. */
const matches = `($priority IS NULL OR priority = $priority)
  AND ($periodicTask IS NULL OR periodic_task = $periodicTask)
  AND ($createdAfter IS NULL OR created_at >= $createdAfter)
  AND ($createdBefore IS NULL OR created_at < $createdBefore)
  AND ($idPrefix IS NULL OR substr(id, 1, length($idPrefix)) = $idPrefix)
  AND ($error IS NULL OR instr(lower(error), lower($error)) > 0)`;
const looked = `seq, coalesce(${matches}, 0) AS matches,
  octet_length(args) + octet_length(kwargs) + coalesce(octet_length(result), 0) + coalesce(octet_length(error), 0) AS bytes`;

type Values = Record<string, string | number | null>;
interface Looked {
  readonly seq: number;
  readonly matches: number;
  readonly bytes: number;
}

/** Where the rows lie that may match: between these, not at them. */
interface Bounds {
  after: number;
  before: number;
}

/** Whether rows have to be looked at that do not match: a page may be short then, and even empty, with more to come. */
export function isSearch({ priority, createdAfter, createdBefore, error, periodicTask, search }: TaskFilter): boolean {
  return [priority, createdAfter, createdBefore, error, periodicTask, search].some((value) => value !== undefined);
}

export function prepareList(db: Database) {
  const scan = prepareScan(db);
  const bySeq = db.prepare<TaskRow, [seq: number]>(`SELECT ${taskColumns} FROM tasks WHERE seq = ?`);

  return ({ limit, cursor, ...filter }: ListFilter): TaskPage => {
    const tasks: Task[] = [];
    const next = scan(filter, cursor, limit, (seq) => {
      const row = bySeq.get(seq);
      if (row !== null) tasks.push(taskFromRow(row));
    });
    return { tasks, next };
  };
}

export function prepareCount(db: Database) {
  const scan = prepareScan(db);
  return ({ limit, cursor, ...filter }: ListFilter): Counted => {
    let count = 0;
    const next = scan(filter, cursor, limit, () => {
      count += 1;
    });
    return { count, next };
  };
}

/** What it returns visits up to `limit` matches, the newest first, and says where the next page goes on, or null. */
function prepareScan(db: Database) {
  const all = db.prepare<Looked, [Values]>(
    `SELECT ${looked} FROM tasks WHERE seq > $after AND seq < $before ORDER BY seq DESC LIMIT $rows`,
  );
  // The index holds one run per handler and status. The recursion takes the newest of what it holds and puts in what lies
  // below that in its run: it merges them, and looks at no more tasks than it gives. A CROSS JOIN keeps the order of its
  // left side.
  const ofRuns = db.prepare<Looked, [Values]>(
    `WITH RECURSIVE ${funcNames}, merged (name, state, newest) AS (
       SELECT name, value, ${newestBelow("name", "value", "$before")} FROM names CROSS JOIN json_each($states)
       WHERE name IS NOT NULL AND ($funcName IS NULL OR name = $funcName)
         AND ($part IS NULL OR instr(lower(name), lower($part)) > 0)
       UNION ALL
       SELECT name, state, ${newestBelow("name", "state", "newest")} FROM merged WHERE newest IS NOT NULL
       ORDER BY 3 DESC LIMIT $rows
     )
     SELECT ${looked} FROM merged CROSS JOIN tasks ON seq = newest`,
  );
  const boundsOf = prepareBounds(db);

  /** The rows that may match, and how many of them to look at: there is one more if there is a next page. */
  function rows(
    filter: TaskFilter,
    { after, before }: Bounds,
    limit: number,
  ): { most: number; found: Iterable<Looked> } {
    const values = { ...residual(filter), $after: after, $before: before };
    // Whoever completes has no error.
    const states = filter.statuses ?? statuses.filter((status) => filter.error === undefined || status !== "completed");
    const part = filter.search === undefined || isIdPrefix(filter.search) ? null : filter.search;
    const inOrder = filter.funcName === undefined && part === null && states.length === statuses.length;
    const most = isSearch(filter) ? Math.max(limit, inOrder ? mostLookedAt.inOrder : mostLookedAt.merged) : limit;
    if (inOrder) return { most, found: all.iterate({ ...values, $rows: most + 1 }) };
    const runs = { $funcName: filter.funcName ?? null, $part: part, $states: JSON.stringify(states) };
    return { most, found: ofRuns.iterate({ ...values, ...runs, $rows: most + 1 }) };
  }

  return (filter: TaskFilter, cursor: string | undefined, limit: number, visit: (seq: number) => void) => {
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : seqOf(cursor);
    const { most, found: candidates } = rows(filter, boundsOf(filter, before), limit);
    let seen = 0;
    let found = 0;
    let bytes = 0;
    let last = 0;
    for (const row of candidates) {
      if (found === limit || seen === most || bytes > pageBytes) return last.toString(36);
      seen += 1;
      bytes += row.bytes;
      last = row.seq;
      if (row.matches === 0) continue;
      found += 1;
      visit(row.seq);
    }
    return null;
  };
}

/** The newest task of one handler and status. */
function newestBelow(name: string, state: string, seq: string): string {
  return `(
    SELECT seq FROM tasks INDEXED BY tasks_by_func
    WHERE func_name = ${name} AND status = ${state} AND seq > $after AND seq < ${seq} ORDER BY seq DESC LIMIT 1
  )`;
}

function residual({ priority, periodicTask, createdAfter, createdBefore, error, search }: TaskFilter): Values {
  return {
    $priority: priority ?? null,
    $periodicTask: periodicTask ?? null,
    $createdAfter: createdAfter ?? null,
    $createdBefore: createdBefore ?? null,
    $error: error ?? null,
    $idPrefix: search !== undefined && isIdPrefix(search) ? search.toLowerCase() : null,
  };
}

/** Fewer digits are taken for part of a handler's name. */
function isIdPrefix(search: string): boolean {
  return /^[0-9a-f]{8}[0-9a-f-]{0,28}$/i.test(search);
}

/** An id begins with its time, and its index leads to where in the order of submission that lies. */
function prepareBounds(db: Database) {
  const lastBefore = db.prepare<{ seq: number }, [id: string]>(
    "SELECT seq FROM tasks WHERE id < ? ORDER BY id DESC LIMIT 1",
  );
  const firstFrom = db.prepare<{ seq: number }, [id: string]>(
    "SELECT seq FROM tasks WHERE id >= ? ORDER BY id LIMIT 1",
  );
  const ofPrefix = db.prepare<{ oldest: number | null; newest: number | null }, [from: string, to: string]>(
    "SELECT min(seq) AS oldest, max(seq) AS newest FROM tasks WHERE id >= ? AND id < ?",
  );

  return ({ createdAfter, createdBefore, search }: TaskFilter, cursor: number): Bounds => {
    const bounds = { after: 0, before: cursor };
    if (createdAfter !== undefined) bounds.after = lastBefore.get(idAt(createdAfter - clockSlackMs))?.seq ?? 0;
    if (createdBefore !== undefined) {
      bounds.before = Math.min(cursor, firstFrom.get(idAt(createdBefore + clockSlackMs))?.seq ?? cursor);
    }
    if (search !== undefined && isIdPrefix(search)) {
      const prefix = search.toLowerCase();
      const { oldest, newest } = ofPrefix.get(prefix, `${prefix}g`) ?? { oldest: null, newest: null };
      bounds.after = Math.max(bounds.after, (oldest ?? 1) - 1);
      bounds.before = Math.min(bounds.before, (newest ?? 0) + 1);
    }
    return bounds;
  };
}

/** What the ids of that time begin with. */
function idAt(ms: number): string {
  const digits = Math.min(Math.max(0, Math.floor(ms)), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, "0");
  return `${digits.slice(0, 8)}-${digits.slice(8)}`;
}

function seqOf(cursor: string): number {
  const seq = Number.parseInt(cursor, 36);
  if (Number.isSafeInteger(seq) && seq > 0 && seq.toString(36) === cursor) return seq;
  throw validationFailed([{ path: "/cursor", message: "is not where a page ended: take it from the page before" }]);
}
