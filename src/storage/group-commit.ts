import { isStoreUnavailable } from "../domain/error.ts";
import type { CommitMeter } from "./stats.ts";
import { storeClosed, storeError } from "./store-error.ts";

/** One transaction at a time on one connection. All of it is synchronous. */
export interface Transactions {
  begin(): void;
  /** Makes durable what was written since `begin`. */
  commit(): void;
  /** Undoes it, also when the database has done so on its own. */
  rollback(): void;
}

export interface GroupCommit {
  /**
   * Runs `operation` at the end of this turn of the event loop, with every other one of the turn, in the order of the
   * calls and in one transaction. Resolves after the commit. `operation` may run twice: when another one of its group
   * fails, each runs again in a transaction of its own, so that only the culprit rejects.
   */
  write<T>(operation: () => T): Promise<T>;
  /** Commits what is queued now and refuses what comes later. */
  close(): void;
}

export interface Timing {
  readonly commits: CommitMeter;
  readonly elapsedMs: () => number;
}

interface Queued {
  /** Runs the operation. What it returns, called after the commit, resolves the caller's promise. */
  run(): () => void;
  reject(error: unknown): void;
}

export function createGroupCommit(transactions: Transactions, timing: Timing): GroupCommit {
  let queue: Queued[] = [];
  let closed = false;

  function flush(): void {
    const group = queue;
    queue = [];
    if (group.length > 0) commitTogether(transactions, group, timing);
  }

  return {
    write(operation) {
      if (closed) return Promise.reject(storeClosed());
      timing.commits.writes += 1;
      return new Promise((resolve, reject) => {
        queue.push({
          run() {
            const value = operation();
            return () => resolve(value);
          },
          reject,
        });
        if (queue.length === 1) setImmediate(flush);
      });
    },
    close() {
      closed = true;
      flush();
    },
  };
}

function commitTogether(transactions: Transactions, group: readonly Queued[], timing: Timing): void {
  const { commits, elapsedMs } = timing;
  const begunAt = elapsedMs();
  let resolvers: (() => void)[];
  try {
    transactions.begin();
    resolvers = group.map((operation) => operation.run());
    transactions.commit();
  } catch (error) {
    commits.failed += 1;
    afterFailure(transactions, group, storeError(error), timing);
    return;
  }
  commits.seconds.observe((elapsedMs() - begunAt) / 1_000);
  for (const resolve of resolvers) resolve();
}

function afterFailure(transactions: Transactions, group: readonly Queued[], error: unknown, timing: Timing): void {
  const stuck = rollbackFault(transactions);
  // A medium that refuses one write refuses them all: trying each again would only stall the loop.
  if (group.length === 1 || stuck !== null || isStoreUnavailable(error)) {
    for (const { reject } of group) reject(stuck ?? error);
    return;
  }
  for (const operation of group) commitTogether(transactions, [operation], timing);
}

/** Why the transaction could not be undone, or null when it is. The next `begin` tries again. */
function rollbackFault(transactions: Transactions): unknown {
  try {
    transactions.rollback();
    return null;
  } catch (error) {
    return storeError(error);
  }
}
