import type { Database } from "bun:sqlite";
import { isFinal, type Status } from "../../src/domain/task.ts";
import { isLegalMove } from "../../src/domain/transition.ts";

/** One write to one row of `tasks`, by whomever. */
interface Write {
  readonly n: number;
  readonly id: string;
  /** Null for an insert. */
  readonly was: Status | null;
  /** Null for a delete. */
  readonly status: Status | null;
  readonly runAt: number;
  readonly completedAt: number | null;
  readonly leaseBefore: number;
  readonly lease: number;
  readonly retriesBefore: number;
  readonly retries: number;
}

const triggers = `
  CREATE TABLE audit (n INTEGER PRIMARY KEY, id TEXT, was TEXT, status TEXT, run_at, completed_at, lease_before, lease,
    retries_before, retries);
  CREATE TRIGGER audit_insert AFTER INSERT ON tasks BEGIN
    INSERT INTO audit VALUES (NULL, NEW.id, NULL, NEW.status, NEW.run_at, NEW.completed_at, 0, NEW.attempt, 0,
      NEW.retry_count);
  END;
  CREATE TRIGGER audit_update AFTER UPDATE ON tasks BEGIN
    INSERT INTO audit VALUES (NULL, NEW.id, OLD.status, NEW.status, NEW.run_at, NEW.completed_at, OLD.attempt,
      NEW.attempt, OLD.retry_count, NEW.retry_count);
  END;
  CREATE TRIGGER audit_delete AFTER DELETE ON tasks BEGIN
    INSERT INTO audit VALUES (NULL, OLD.id, OLD.status, NULL, OLD.run_at, OLD.completed_at, OLD.attempt, OLD.attempt,
      OLD.retry_count, OLD.retry_count);
  END;`;

export interface Audit {
  /** Looks at what was written since the last time. Called before the clock moves: all of it was written at `now`. */
  look(now: number): void;
  /** What was wrong so far. */
  readonly faults: readonly string[];
  /** Tasks that were final and whose retention was over. */
  readonly forgotten: ReadonlySet<string>;
  readonly inserts: number;
  readonly claims: number;
}

/** Has the database itself write down every write to a task from now on, past all of the code that is tested. */
export function setUpAudit(db: Database): void {
  db.run(triggers);
}

/** Reads what was written down after `setUpAudit`. */
export function audit(db: Database, retentionMs: number): Audit {
  const since = db.prepare<Write, [number]>(
    `SELECT n, id, was, status, run_at AS runAt, completed_at AS completedAt, lease_before AS leaseBefore, lease,
       retries_before AS retriesBefore, retries FROM audit WHERE n > ? ORDER BY n`,
  );
  const faults: string[] = [];
  const forgotten = new Set<string>();
  const totals = { inserts: 0, claims: 0 };
  let seen = 0;

  return {
    faults,
    forgotten,
    get inserts() {
      return totals.inserts;
    },
    get claims() {
      return totals.claims;
    },
    look(now) {
      for (const write of since.all(seen)) {
        seen = write.n;
        faults.push(...faultsOf(write, now, retentionMs));
        if (write.was === null) totals.inserts += 1;
        if (write.was === "queued" && write.status === "running") totals.claims += 1;
        if (write.status === null) forgotten.add(write.id);
      }
    },
  };
}

function faultsOf(write: Write, now: number, retentionMs: number): readonly string[] {
  const { id, was, status, runAt, completedAt } = write;
  const faults: string[] = [];
  const check = (holds: boolean, what: string) => {
    if (!holds) faults.push(`${id}: ${what} (${was} -> ${status} at ${now}, due at ${runAt})`);
  };
  if (status === null) {
    check(completedAt !== null && completedAt < now - retentionMs, "forgotten before its time");
    return faults;
  }
  if (was === null) check(status === "pending" || status === "queued", "accepted as no new task is");
  else if (was !== status) check(isLegalMove(was, status), "an illegal move");
  else check(!isFinal(was), "changed when it was final");

  // Nothing else leads to running, so that nothing runs before its time either.
  const becameDue = status === "queued" && (was === null || was === "pending" || was === "retrying");
  if (becameDue) check(runAt <= now, "queued before its time");
  const claimed = was === "queued" && status === "running";
  check(write.lease === write.leaseBefore + (claimed ? 1 : 0), "a wrong lease");
  check(write.retries === write.retriesBefore + (status === "retrying" && was === "running" ? 1 : 0), "wrong retries");
  return faults;
}
