import type { Database } from "bun:sqlite";
import type { Decision, Fired, Firing, FiringPlan } from "../domain/periodic.ts";
import type { Status, Task } from "../domain/task.ts";
import type { Counters } from "./counters.ts";
import { lineOf, prepareFindPeriodic, prepareRecord } from "./periodic.ts";
import { insertTasksSql, taskValues } from "./rows.ts";
import type { Cancellation } from "./store.ts";

type Fire = Extract<Decision, { kind: "fire" }>;

/** What has come of a plan so far. */
interface Progress {
  readonly queued: Task[];
  readonly cancelled: Task[];
  readonly requested: string[];
  readonly lines: Firing[];
  lastRun: number | null;
}

/** Prepares its statements and returns what runs them inside a transaction. */
export function prepareFire(
  db: Database,
  counters: Counters,
  cancel: (taskId: string, now: number) => Cancellation | null,
) {
  const find = prepareFindPeriodic(db);
  const record = prepareRecord(db);
  const fireOne = prepareFireOne(db, counters, cancel);
  const advance = db.prepare<
    null,
    [nextRun: number | null, lastRun: number | null, fired: number, decidedUntil: number | null, name: string]
  >(
    "UPDATE periodic_tasks SET next_run = ?, last_run = ?, run_count = run_count + ?, decided_until = ? WHERE name = ?",
  );

  function fire(plan: FiringPlan, now: number, maxWaiting: number): Fired {
    const entry = find(plan.name);
    const isStale = entry?.revision !== plan.revision || entry.nextRun !== plan.nextRun || plan.nextRun > now;
    const progress: Progress = { queued: [], cancelled: [], requested: [], lines: [], lastRun: entry?.lastRun ?? null };
    if (isStale) return firedOf(plan, "stale", progress);
    let decidedUntil = entry.decidedUntil;
    let full: Fire | null = null;
    for (const decision of plan.decisions) {
      if (decision.kind !== "fire") progress.lines.push(lineOf(decision, now));
      else if (!fireOne(plan.name, decision, { now, maxWaiting, progress })) full = decision;
      if (full !== null) break;
      decidedUntil = decision.nominalAt;
    }
    const nextRun = full === null ? plan.followingRun : full.nominalAt;
    advance.run(nextRun, progress.lastRun, progress.queued.length, decidedUntil, plan.name);
    record(plan.name, progress.lines);
    return firedOf(plan, full === null ? "done" : "full", progress);
  }

  return (plans: readonly FiringPlan[], now: number, maxWaiting: number): readonly Fired[] =>
    plans.map((plan) => fire(plan, now, maxWaiting));
}

interface Unfinished {
  readonly id: string;
  readonly status: Status;
}

interface FireOptions {
  readonly now: number;
  readonly maxWaiting: number;
  readonly progress: Progress;
}

/** Returns what decides one nominal time; false when the queue has no room for its task. */
function prepareFireOne(
  db: Database,
  counters: Counters,
  cancel: (taskId: string, now: number) => Cancellation | null,
) {
  const fired = db.prepare<{ id: string }, [name: string, nominalAt: number]>(
    "SELECT id FROM tasks WHERE periodic_task = ? AND scheduled_for = ?",
  );
  const unfinished = db.prepare<Unfinished, [name: string]>(
    `SELECT id, status FROM tasks INDEXED BY tasks_overlapping
     WHERE periodic_task = ? AND scheduled_for IS NOT NULL AND completed_at IS NULL ORDER BY scheduled_for`,
  );
  const insert = db.prepare<null, ReturnType<typeof taskValues>>(insertTasksSql(1));

  function end({ id }: Unfinished, now: number, { cancelled, requested }: Progress): void {
    const cancellation = cancel(id, now);
    if (cancellation?.kind === "cancelled") cancelled.push(cancellation.task);
    if (cancellation?.kind === "requested" && !requested.includes(id)) requested.push(id);
  }

  function queue(task: Task, { queued, lastRun }: Progress): void {
    const withLast = { ...task, lastRunAt: lastRun };
    insert.run(...taskValues(withLast));
    counters.add(task.status, 1);
    counters.add("enqueued", 1);
    queued.push(withLast);
  }

  return (name: string, { nominalAt, overlap, reason, task }: Fire, options: FireOptions): boolean => {
    const { now, maxWaiting, progress } = options;
    // By an entry of this name that was removed since, and a clock that was set back.
    if (fired.get(name, nominalAt) !== null) return true;
    const line = { nominalAt, decidedAt: now, detail: null, since: null };
    const others = overlap === "allow" ? [] : unfinished.all(name);
    const [first] = others;
    if (overlap === "skip" && first !== undefined) {
      progress.lines.push({ ...line, outcome: "skipped", reason: "overlap", taskId: first.id });
      return true;
    }
    const makingRoom = others.filter(({ status }) => status !== "running").length;
    if (counters.waiting() - makingRoom + 1 > maxWaiting) return false;
    for (const other of others) end(other, now, progress);
    queue(task, progress);
    progress.lines.push({ ...line, outcome: "fired", reason, taskId: task.id });
    progress.lastRun = nominalAt;
    return true;
  };
}

function firedOf({ name }: FiringPlan, kind: Fired["kind"], progress: Progress): Fired {
  const { queued, cancelled, requested, lines } = progress;
  return { name, kind, queued, cancelled, requested, skipped: lines.filter(({ outcome }) => outcome === "skipped") };
}
