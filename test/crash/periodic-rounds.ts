import { Database } from "bun:sqlite";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { catchUps, overlaps, type PeriodicTask } from "../../src/domain/periodic.ts";
import { jsonText } from "../../src/domain/task.ts";
import { openStore } from "../../src/storage/open.ts";
import { faultsIn } from "../support/invariants.ts";
import { anEntry } from "../support/periodic.ts";
import { startServer, workersGone } from "../support/server.ts";

export interface PeriodicCrashReport {
  /** Nominal times that fired, and that were skipped or missed. */
  readonly fired: number;
  readonly others: number;
  /** What does not hold; then `folder` is kept. */
  readonly faults: readonly string[];
  readonly folder: string;
}

/** Writes down every nominal time that is decided: a history keeps the last 100 only. */
const triggers = `
  CREATE TABLE decided (name TEXT, nominal_at INTEGER, at INTEGER, outcome TEXT, since INTEGER, task_id TEXT);
  CREATE TRIGGER decided_line AFTER INSERT ON firings BEGIN
    INSERT INTO decided VALUES
      (NEW.periodic_task, NEW.nominal_at, NEW.decided_at, NEW.outcome, NEW.since, NEW.task_id);
  END;`;

/** Kills a server as often around the full second, at which all its entries fire; then looks at the file. */
export async function periodicCrashRounds(
  rounds: number,
  onRound: (round: number) => void = () => undefined,
): Promise<PeriodicCrashReport> {
  const folder = await mkdtemp(join(tmpdir(), "taskflow-crash-periodic-"));
  const file = join(folder, "taskflow.db");
  const entries = await setUp(file);
  const options = {
    dataDir: folder,
    tasksDir: join(import.meta.dir, "tasks"),
    keepData: true,
    env: { TASKFLOW_LOG_LEVEL: "info", TASKFLOW_KILL_GRACE: "0.2" },
  } as const;

  for (let round = 1; round <= rounds; round++) {
    const server = await startServer(options);
    // The second after it listens, a little before or after: the firing takes some milliseconds.
    await Bun.sleep(1_000 - (Date.now() % 1_000) + Math.random() * 120 - 30);
    server.signal("SIGKILL");
    await server.exited;
    await workersGone(server.pid);
    onRound(round);
  }
  {
    await using server = await startServer(options);
    await Bun.sleep(1_500);
    server.signal("SIGTERM");
  }

  using db = new Database(file, { readonly: true });
  const faults = [...faultsIn(db, "always"), ...entries.flatMap((entry) => faultsOf(entry, db)), ...early(db)];
  if (faults.length === 0) await rm(folder, { recursive: true, force: true });
  const counts = db
    .query<{ fired: number; others: number }, []>(
      "SELECT count(*) FILTER (WHERE outcome = 'fired') AS fired, count(*) FILTER (WHERE outcome <> 'fired') AS others FROM decided",
    )
    .get();
  return { fired: counts?.fired ?? 0, others: counts?.others ?? 0, faults, folder };
}

/** Entries of every kind, all due every second. */
async function setUp(file: string): Promise<readonly PeriodicTask[]> {
  const now = Date.now();
  const store = await openStore(`sqlite:${file}`, { now: () => now });
  const journal = join(file, "..", "journal.txt");
  const entries = overlaps.flatMap((overlap) =>
    catchUps.map((catchUp, index) =>
      anEntry({
        name: `${overlap}-${catchUp}`,
        funcName: "journal",
        cronExpression: "* * * * * *",
        kwargs: jsonText({ file: journal, n: index, seconds: index * 0.4 }),
        overlap,
        catchUp,
        createdAt: now,
        revision: now,
        nextRun: now - (now % 1_000) + 1_000,
      }),
    ),
  );
  for (const entry of entries) await store.savePeriodic(entry, null, [], now);
  await store.close();
  using db = new Database(file);
  db.run(triggers);
  return entries;
}

interface Decided {
  readonly nominal_at: number;
  readonly at: number;
  readonly outcome: string;
  readonly since: number | null;
  readonly task_id: string | null;
}

/** Every second up to the entry's next must be decided, and once; each that fired must have one task. */
function faultsOf({ name, nextRun: first }: PeriodicTask, db: Database): readonly string[] {
  const lines = db.query<Decided, [string]>("SELECT * FROM decided WHERE name = ? ORDER BY nominal_at").all(name);
  const row = db
    .query<{ next_run: number; run_count: number }, [string]>(
      "SELECT next_run, run_count FROM periodic_tasks WHERE name = ?",
    )
    .get(name);
  const tasks = db
    .query<{ id: string; scheduled_for: number }, [string]>(
      "SELECT id, scheduled_for FROM tasks WHERE periodic_task = ?",
    )
    .all(name);
  const faults: string[] = [];
  let next = first ?? 0;
  for (const { nominal_at, since, at, outcome } of lines) {
    if ((since ?? nominal_at) !== next)
      faults.push(`${name}: ${since ?? nominal_at} ${outcome}, where ${next} was next`);
    if (nominal_at > at) faults.push(`${name}: ${nominal_at} ${outcome} at ${at}, too early`);
    next = nominal_at + 1_000;
  }
  if (row?.next_run !== next) faults.push(`${name}: goes on at ${row?.next_run}, and not at ${next}`);
  const fired = lines.filter(({ outcome }) => outcome === "fired");
  if (row?.run_count !== fired.length) faults.push(`${name}: counts ${row?.run_count} of ${fired.length}`);
  const byTask = new Map(tasks.map(({ id, scheduled_for }) => [id, scheduled_for]));
  const lost = fired.filter(({ task_id, nominal_at }) => byTask.get(task_id ?? "") !== nominal_at);
  if (lost.length > 0 || tasks.length !== fired.length) {
    faults.push(`${name}: ${tasks.length} tasks for ${fired.length} firings, ${lost.length} without theirs`);
  }
  return faults;
}

function early(db: Database): readonly string[] {
  return db
    .query<{ id: string }, []>(
      "SELECT id FROM tasks WHERE scheduled_for > created_at OR scheduled_for > coalesce(started_at, created_at)",
    )
    .all()
    .map(({ id }) => `${id}: before its time`);
}
