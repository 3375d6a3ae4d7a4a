import { Database } from "bun:sqlite";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { faultsIn } from "../support/invariants.ts";
import { launchServer, type ServerOptions, startServer, workersGone } from "../support/server.ts";
import { createClients, type Promised } from "./clients.ts";

export interface CrashReport {
  /** Tasks that were acknowledged, over all rounds. */
  readonly acknowledged: number;
  /** Attempts that a kill cut off. */
  readonly interrupted: number;
  /** What does not hold; then `folder` is kept. */
  readonly faults: readonly string[];
  readonly folder: string;
}

/** Kills a server as often, at random moments, while clients use it; then lets the last one finish and looks at the file. */
export async function crashRounds(
  rounds: number,
  onRound: (round: number) => void = () => undefined,
): Promise<CrashReport> {
  const folder = await mkdtemp(join(tmpdir(), "taskflow-crash-"));
  const journal = join(folder, "journal.txt");
  const options = {
    dataDir: folder,
    tasksDir: join(import.meta.dir, "tasks"),
    keepData: true,
    env: { TASKFLOW_LOG_LEVEL: "info", TASKFLOW_KILL_GRACE: "0.2" },
  } as const satisfies ServerOptions;
  const clients = createClients(journal);

  for (let round = 1; round <= rounds; round++) {
    if (round % 5 === 0) await killWhileItStarts(options);
    else await killWhileItWorks(options, clients.pester);
    onRound(round);
  }
  await letItFinish(options);

  const promised = [...clients.promised.values()];
  using db = new Database(join(folder, "taskflow.db"), { readonly: true });
  const faults = [
    ...clients.faults,
    ...integrityFaults(db),
    ...faultsIn(db, "always", "atTheEnd", "inOrderOfTime"),
    ...brokenPromises(db, promised),
    ...journalFaults(db, readJournal(journal), promised),
  ];
  if (faults.length === 0) await rm(folder, { recursive: true, force: true });
  const { interrupted } = db
    .query<{ interrupted: number }, []>("SELECT count(*) AS interrupted FROM attempts WHERE outcome = 'interrupted'")
    .get() ?? { interrupted: 0 };
  return { acknowledged: promised.length, interrupted, faults, folder };
}

type Options = ServerOptions & { readonly dataDir: string };

async function killWhileItWorks(options: Options, pester: (url: string) => Promise<void>): Promise<void> {
  const server = await startServer(options);
  const pestered = pester(server.url);
  // At any moment, which no event can name.
  await Bun.sleep(Math.random() * 600);
  server.signal("SIGKILL");
  await Promise.all([server.exited, pestered]);
  await workersGone(server.pid);
}

async function killWhileItStarts(options: Options): Promise<void> {
  await using server = launchServer(options);
  await Bun.sleep(100 + Math.random() * 300);
  server.signal("SIGKILL");
  await server.exited;
  await workersGone(server.pid);
}

/** Starts it once more, and stops it when nothing waits or runs any more. */
async function letItFinish(options: Options): Promise<void> {
  await using server = await startServer(options);
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { queue } = await (await fetch(`${server.url}/api/v1/metrics`)).json();
    const left = queue.scheduled_count + queue.pending_count + queue.retrying_count + queue.running_count;
    // A minute without an end is a fault, which the database tells.
    if (left === 0 || Date.now() > deadline) return;
    await Bun.sleep(20);
  }
}

function integrityFaults(db: Database): readonly string[] {
  const lines = db.query<{ integrity_check: string }, []>("PRAGMA integrity_check").all();
  return lines.map(({ integrity_check }) => integrity_check).filter((line) => line !== "ok");
}

function brokenPromises(db: Database, promised: readonly Promised[]): readonly string[] {
  const find = db.query<{ status: string; result: string | null }, [string]>(
    "SELECT status, result FROM tasks WHERE id = ?",
  );
  return promised.flatMap(({ taskId, n, isCancelled }) => {
    const task = find.get(taskId);
    if (task === null) return [`${taskId}: acknowledged and lost`];
    if (isCancelled && task.status !== "cancelled") return [`${taskId}: ${task.status}, though it was to be cancelled`];
    if (task.status === "completed" && task.result !== String(n)) return [`${taskId}: the result ${task.result}`];
    return [];
  });
}

/** What handlers say they did, against what the history has. */
function journalFaults(
  db: Database,
  starts: ReadonlyMap<string, readonly number[]>,
  promised: readonly Promised[],
): readonly string[] {
  const lines = db.query<{ lines: number; ran: number }, [string]>(
    `SELECT count(*) AS lines, count(*) FILTER (WHERE outcome IN ('completed', 'failed')) AS ran
     FROM attempts WHERE task_seq = (SELECT seq FROM tasks WHERE id = ?)`,
  );
  const early = promised.flatMap(({ taskId, notBefore }) => {
    const first = starts.get(taskId)?.[0] ?? notBefore;
    return first < notBefore ? [`${taskId}: started at ${first}, ${notBefore - first} ms before its time`] : [];
  });
  const ids = new Set([...starts.keys(), ...promised.map(({ taskId }) => taskId)]);
  const uncounted = [...ids].flatMap((taskId) => {
    const started = starts.get(taskId)?.length ?? 0;
    const history = lines.get(taskId) ?? { lines: 0, ran: 0 };
    // An attempt may be cut off before the handler could note that it started, or be taken for one that never did.
    const fits = started <= history.lines && started >= history.ran;
    return fits ? [] : [`${taskId}: started ${started} times; its history has ${history.lines} attempts`];
  });
  return [...early, ...uncounted];
}

/** When each task was started, by its own word. */
function readJournal(file: string): ReadonlyMap<string, readonly number[]> {
  const starts = new Map<string, number[]>();
  const lines = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  for (const line of lines) {
    const [taskId = "", at] = line.split(" ");
    starts.set(taskId, [...(starts.get(taskId) ?? []), Number(at)]);
  }
  return starts;
}
