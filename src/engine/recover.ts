import type { Task } from "../domain/task.ts";
import type { Store } from "../storage/store.ts";
import { type SettleParts, settlementOf } from "./settle.ts";

export interface RecoverParts extends Pick<SettleParts, "catalog" | "clock" | "random" | "events" | "log"> {
  readonly store: Store;
}

const chunk = 500;

/** Gives every attempt back that an earlier process left running. Says how many. */
export async function recover(parts: RecoverParts): Promise<number> {
  const interrupted = (task: Task) =>
    settlementOf(task, { kind: "interrupted", reason: "the server stopped", workerDied: false }, null, parts);
  for (let recovered = 0; ; ) {
    const tasks = await parts.store.recover(chunk, interrupted);
    for (const { id, funcName, attempt, status } of tasks) {
      parts.log.warn({ task_id: id, func_name: funcName, attempt }, `task interrupted by the last stop, ${status} now`);
    }
    recovered += tasks.length;
    if (tasks.length < chunk) return recovered;
  }
}
