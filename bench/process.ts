import { readdirSync, readFileSync } from "node:fs";

const bytesPerMb = 2 ** 20;

/** What a process holds in memory. Only Linux tells. */
export function residentMb(pid: number): number {
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1_024) / bytesPerMb;
}

/** Children of `parent` that are dead and not buried. */
export function zombiesOf(parent: number): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    // The name in the parentheses may hold anything.
    const [state, ppid] = statOf(pid).split(") ").at(-1)?.split(" ") ?? [];
    return state === "Z" && ppid === String(parent);
  }).length;
}

/** Empty for a process that is gone. */
function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return "";
  }
}
