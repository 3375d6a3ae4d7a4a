import { readFileSync } from "node:fs";
import type { MemoryGuard } from "../engine/runner.ts";

/** The memory that a process holds, in bytes; null when it is gone or the system does not tell. */
export function residentBytes(pid: number): number | null {
  if (process.platform !== "linux") return null;
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readStatus(pid))?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

/** What keeps a process within its memory that is in no cgroup of its own. */
export const guardWithout: MemoryGuard = process.platform === "linux" ? "rss" : "none";

/** How often it is looked at. */
export const memoryIntervalMs = 250;

function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    // The process ended since: its exit is reported elsewhere.
    return "";
  }
}
