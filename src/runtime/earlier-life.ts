import { readdirSync, readFileSync } from "node:fs";
import { workerEntry } from "./child.ts";

/**
 * Ends the workers that this process has started before: `bun --watch` begins anew in the same process, of which workers
 * that loop take no notice. Call it before any worker is started; only on Linux it finds them.
 */
export function endEarlierLife(): void {
  if (process.platform !== "linux") return;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (isWorkerOfThisProcess(pid)) process.kill(Number(pid), "SIGKILL");
  }
}

function isWorkerOfThisProcess(pid: string): boolean {
  const words = commandOf(pid);
  return words[words.indexOf(workerEntry) + 1] === String(process.pid) && words.includes(workerEntry);
}

/** Empty for a process that has ended since. */
function commandOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
