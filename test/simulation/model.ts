import { isFinal, type Task } from "../../src/domain/task.ts";

/** What clients were promised, and what that obliges to. Plain data, no part of what it is compared with. */
export class Model {
  /** Ids of acknowledged tasks, in the order of the acknowledgements. */
  readonly acknowledged: string[] = [];
  /** Tasks whose cancellation was acknowledged. */
  readonly cancelled = new Set<string>();
  /** Attempts, as `attemptKey` names them, that may be repeated: they ran at a fault. */
  readonly interruptible = new Set<string>();
  /** Attempts that were started, by any life of the server. */
  readonly started = new Set<string>();
  /** Of these, the ones that came to their end as their handler said. */
  readonly completed = new Set<string>();
  /** Ran while the server was stopping, so that they may complete in spite of a cancellation. */
  readonly atStop = new Set<string>();
  readonly faults: string[] = [];

  check(holds: boolean, what: string): void {
    if (!holds) this.faults.push(what);
  }

  /** A 201 for something to run no sooner than `earliest`. */
  accepted({ id, runAt, status, attempt }: Task, earliest: number): void {
    this.check(runAt >= earliest, `${id}: due at ${runAt}, though asked for ${earliest}`);
    this.check(attempt === 0 && (status === "pending" || status === "queued"), `${id}: answered as ${status}`);
    this.acknowledged.push(id);
  }

  starts(id: string, lease: number): void {
    const key = attemptKey(id, lease);
    this.check(!this.started.has(key), `${key}: started twice`);
    this.started.add(key);
  }

  /** Compares the end with what was promised. `found` are the tasks that are still known. */
  compare(found: ReadonlyMap<string, Task>, forgotten: ReadonlySet<string>): void {
    for (const id of this.acknowledged) {
      const task = found.get(id);
      if (task === undefined) this.check(forgotten.has(id), `${id}: lost`);
      else this.compareOne(task);
    }
  }

  private compareOne({ id, status, attempt, result }: Task): void {
    this.check(isFinal(status), `${id}: stuck, ${status}`);
    if (status === "completed") {
      this.check(this.completed.has(attemptKey(id, attempt)), `${id}: completed by an attempt that did not`);
      this.check(result === String(attempt), `${id}: the result ${result} is not of attempt ${attempt}`);
    }
    const cancelled = status === "cancelled" || (status === "completed" && this.atStop.has(attemptKey(id, attempt)));
    if (this.cancelled.has(id)) this.check(cancelled, `${id}: ${status}, though its cancellation was acknowledged`);
  }
}

/** Names one attempt and no other. */
export function attemptKey(id: string, lease: number): string {
  return `${id}#${lease}`;
}
