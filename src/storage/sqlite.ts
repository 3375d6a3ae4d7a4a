import type { Database } from "bun:sqlite";
import { Counters } from "./counters.ts";
import { prepareFire } from "./fire.ts";
import { createGroupCommit, type Transactions } from "./group-commit.ts";
import { isSearch, prepareCount, prepareList } from "./list.ts";
import {
  prepareDuePeriodic,
  prepareFindPeriodic,
  prepareFirings,
  prepareListPeriodic,
  prepareNextFiring,
  prepareRemovePeriodic,
  prepareSavePeriodic,
} from "./periodic.ts";
import { prepareAhead, prepareAttempts, prepareFailures, prepareFind, prepareLogs, prepareNextDue } from "./reads.ts";
import { createCommitMeter, prepareStats } from "./stats.ts";
import type { Store } from "./store.ts";
import { storeClosed, storeError } from "./store-error.ts";
import { prepareCancel, prepareCancelWaiting, preparePromote, preparePrune, prepareRecover } from "./upkeep.ts";
import { prepareClaim, prepareInsert, prepareReport, prepareSettle } from "./writes.ts";

/**
 * The store in `db`, which has the present schema and no other writer. Writes of one turn of the event loop share a
 * commit; reads run at once and see what was committed before them.
 * @param release called once, after `db` was closed.
 * @param elapsedMs a clock that only goes forward, to time transactions with.
 */
export function createSqliteStore(db: Database, release: () => void, elapsedMs = () => 0): Store {
  const counters = new Counters(db);
  const commits = createCommitMeter();
  const { write, close } = createGroupCommit(transactionsOf(db, counters), { commits, elapsedMs });
  let closing: Promise<void> | null = null;

  async function read<T>(run: () => T): Promise<T> {
    if (closing !== null) throw storeClosed();
    try {
      return run();
    } catch (error) {
      throw storeError(error);
    }
  }

  /** For what takes a while: it waits for the next turn, so that one after the other lets others in between. */
  async function inTurn<T>(run: () => T): Promise<T> {
    await new Promise((resolve) => setImmediate(resolve));
    return read(run);
  }

  const insert = prepareInsert(db, counters);
  const claim = prepareClaim(db, counters);
  const settle = prepareSettle(db, counters);
  const report = prepareReport(db);
  const promote = preparePromote(db, counters);
  const cancel = prepareCancel(db, counters);
  const cancelWaiting = prepareCancelWaiting(db, counters);
  const recover = prepareRecover(db, settle);
  const prune = preparePrune(db, counters);
  const fire = prepareFire(db, counters, cancel);
  const savePeriodic = prepareSavePeriodic(db);
  const removePeriodic = prepareRemovePeriodic(db);
  const duePeriodic = prepareDuePeriodic(db);
  const nextFiring = prepareNextFiring(db);
  const findPeriodic = prepareFindPeriodic(db);
  const listPeriodic = prepareListPeriodic(db);
  const firings = prepareFirings(db);
  const nextDue = prepareNextDue(db);
  const find = prepareFind(db);
  const list = prepareList(db);
  const count = prepareCount(db);
  const ahead = prepareAhead(db);
  const attempts = prepareAttempts(db);
  const logs = prepareLogs(db);
  const failures = prepareFailures(db);
  const stats = prepareStats(db, commits);

  return {
    insert: (tasks, maxWaiting) => write(() => insert(tasks, maxWaiting)),
    claim: (limits, now) => write(() => claim(limits(), now)),
    settle: (taskId, attempt, settlement) => write(() => settle(taskId, attempt, settlement)),
    report: (reports) => write(() => report(reports)),
    promote: (limit, now) => write(() => promote(limit, now)),
    cancel: (taskId, now) => write(() => cancel(taskId, now)),
    cancelWaiting: (limit, now) => write(() => cancelWaiting(limit, now)),
    recover: (limit, settled) => write(() => recover(limit, settled)),
    prune: (cutoffs, limit) => write(() => prune(cutoffs, limit)),
    probe: () => write(() => counters.touch()),
    fire: (plans, now, maxWaiting) => write(() => fire(plans, now, maxWaiting)),
    savePeriodic: (entry, before, passed, now) => write(() => savePeriodic(entry, before, passed, now)),
    removePeriodic: (name, source) => write(() => removePeriodic(name, source)),
    duePeriodic: (limit, now) => read(() => duePeriodic(limit, now)),
    nextFiring: () => read(nextFiring),
    findPeriodic: (name) => read(() => findPeriodic(name)),
    listPeriodic: () => read(listPeriodic),
    firings: (name) => read(() => firings(name)),
    nextDue: () => read(nextDue),
    find: (taskId) => read(() => find(taskId)),
    list: (filter) => (isSearch(filter) ? inTurn : read)(() => list(filter)),
    count: (filter) => inTurn(() => count(filter)),
    ahead: (taskId, limit) => read(() => ahead(taskId, limit)),
    attempts: (taskId) => read(() => attempts(taskId)),
    logs: (taskId) => read(() => logs(taskId)),
    failures: (since, limit) => inTurn(() => failures(since, limit)),
    counts: () => read(() => counters.counts()),
    stats: () => read(stats),
    close() {
      closing ??= closeAll(close, db, release);
      return closing;
    },
  };
}

function transactionsOf(db: Database, counters: Counters): Transactions {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");

  function rollback(): void {
    counters.fallBack();
    // After a full disk or an I/O error SQLite may have rolled back already.
    if (db.inTransaction) db.run("ROLLBACK");
  }

  return {
    begin() {
      // Only after a rollback that failed.
      if (db.inTransaction) rollback();
      begin.run();
    },
    commit() {
      counters.save();
      commit.run();
      counters.committed();
    },
    rollback,
  };
}

async function closeAll(flush: () => void, db: Database, release: () => void): Promise<void> {
  try {
    using afterwards = new DisposableStack();
    afterwards.defer(release);
    afterwards.defer(() => db.close(true));
    flush();
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (error) {
    throw storeError(error);
  }
}
