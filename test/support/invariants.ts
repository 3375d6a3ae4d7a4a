import type { Database } from "bun:sqlite";

/** What must hold in every database, whatever happened to it. Each query finds what breaks it, by the task's id. */
const always = {
  "a counter differs from a recount": `
    SELECT name || ' is ' || sum(counted) || ', not ' || sum(kept) AS id FROM (
      SELECT name, value AS kept, 0 AS counted FROM counters WHERE name NOT IN ('enqueued', 'dequeued', 'probes')
      UNION ALL SELECT status, 0, 1 FROM tasks
    ) GROUP BY name HAVING sum(kept) <> sum(counted)`,
  "more retries than allowed": "SELECT id FROM tasks WHERE retry_count > max_retries",
  "more attempts than allowed": `
    SELECT id FROM tasks WHERE max_retries + 1 <
      (SELECT count(*) FROM attempts WHERE task_seq = seq AND outcome <> 'interrupted')`,
  "attempts that ended well or ill are not the first and the retries": `
    SELECT id FROM tasks WHERE
      (SELECT count(*) FROM attempts WHERE task_seq = seq AND outcome IN ('failed', 'timed_out')) NOT BETWEEN
        retry_count AND retry_count + (status IN ('failed', 'cancelled'))`,
  "a line in the history of an attempt that is none, or is not over": `
    SELECT id FROM tasks JOIN attempts ON task_seq = seq
      WHERE number NOT BETWEEN 1 AND attempt - (status = 'running')`,
  "a line of the history without its end":
    "SELECT task_seq AS id FROM attempts WHERE ended_at IS NULL OR outcome IS NULL",
  "final without a time, or the other way round": `
    SELECT id FROM tasks WHERE (completed_at IS NOT NULL) <> (status IN ('completed', 'failed', 'cancelled'))`,
  "completed, but not by its last attempt and by that alone": `
    SELECT id FROM tasks WHERE
      (SELECT total(number) FROM attempts WHERE task_seq = seq AND outcome = 'completed') <>
        iif(status = 'completed', attempt, 0)`,
  "failed, though its last attempt did not": `
    SELECT id FROM tasks JOIN attempts ON task_seq = seq AND number = attempt WHERE status = 'failed' AND
      outcome NOT IN ('failed', 'timed_out') AND (outcome <> 'interrupted' OR crashes < 3)`,
  "took its worker down more often than is allowed": "SELECT id FROM tasks WHERE crashes > 3",
  "failed with retries to spare": `
    SELECT id FROM tasks WHERE status = 'failed' AND retry_count < max_retries AND
      error_kind NOT IN ('permanent', 'load_error', 'crashed')`,
  "a result or an error that does not fit the status": `
    SELECT id FROM tasks WHERE (result IS NOT NULL AND status <> 'completed') OR
      (status = 'completed' AND error IS NOT NULL) OR (status = 'failed' AND error IS NULL)`,
  "history of a task that is gone": `
    SELECT task_seq AS id FROM (SELECT task_seq FROM attempts UNION ALL SELECT task_seq FROM logs)
      WHERE task_seq NOT IN (SELECT seq FROM tasks)`,
};

/** What must hold once everything had the time to end. */
const atTheEnd = {
  "stuck: never final": "SELECT id || ' ' || status AS id FROM tasks WHERE completed_at IS NULL",
};

/** What must hold as long as nobody sets the clock. */
const inOrderOfTime = {
  "an attempt that ended before it began": "SELECT task_seq AS id FROM attempts WHERE ended_at < started_at",
  "an attempt that began before the one before it had ended": `
    SELECT now.task_seq AS id FROM attempts AS now JOIN attempts AS before
      ON before.task_seq = now.task_seq AND before.number = now.number - 1
      WHERE now.started_at < before.ended_at`,
  "final before its last attempt ended": `
    SELECT id FROM tasks JOIN attempts ON task_seq = seq WHERE completed_at < ended_at`,
  "started before it was due": `
    SELECT id FROM tasks WHERE started_at < run_at AND status IN ('running', 'completed', 'failed')`,
};

const sets = { always, atTheEnd, inOrderOfTime };

/** Every break of the invariants in a database of TaskFlow's, each as `what: id, id, …`; none when all is well. */
export function faultsIn(db: Database, ...which: readonly (keyof typeof sets)[]): readonly string[] {
  const queries = which.flatMap((set) => Object.entries(sets[set]));
  const sql = queries.map(([what, query]) => `SELECT '${what}' AS what, id FROM (${query})`).join(" UNION ALL ");
  const found = db.query<{ what: string; id: string }, []>(sql).all();
  const byKind = Map.groupBy(found, ({ what }) => what);
  return [...byKind].map(([what, breaks]) => `${what}: ${breaks.map(({ id }) => id).join(", ")}`);
}
