import { failureKind } from "../domain/failure.ts";
import type { ErrorKind } from "../domain/task.ts";
import type { Store } from "../storage/store.ts";

/** Tasks of one handler that failed alike. */
export interface FailureGroup {
  /** The error without what differs from task to task. */
  readonly kind: string;
  readonly errorKind: ErrorKind | null;
  readonly funcName: string;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** The task that failed last, and the first line of its error. */
  readonly lastTaskId: string;
  readonly lastError: string;
}

export interface Failures {
  /** The largest group first. */
  readonly groups: readonly FailureGroup[];
  /** Failed tasks that were looked at, the latest. */
  readonly lookedAt: number;
  /** There are more of them, further back. */
  readonly more: boolean;
}

/** Failed tasks that are looked at: some ten milliseconds. */
const mostLookedAt = 2_000;

/** Groups what has failed since then. */
export async function groupFailures(since: number, store: Store): Promise<Failures> {
  const found = await store.failures(since, mostLookedAt + 1);
  const groups = new Map<string, FailureGroup>();
  for (const { id, funcName, error, errorKind, failedAt } of found.slice(0, mostLookedAt)) {
    const kind = failureKind(error ?? "");
    const key = JSON.stringify([funcName, kind]);
    const known = groups.get(key);
    const lastError = (error ?? "").split("\n", 1)[0] ?? "";
    const group = known ?? { kind, errorKind, funcName, count: 0, lastAt: failedAt, lastTaskId: id, lastError };
    groups.set(key, { ...group, count: group.count + 1, firstAt: failedAt });
  }
  return {
    groups: [...groups.values()].toSorted((a, b) => b.count - a.count || b.lastAt - a.lastAt),
    lookedAt: Math.min(found.length, mostLookedAt),
    more: found.length > mostLookedAt,
  };
}
