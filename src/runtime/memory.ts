import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { MemoryGuard } from "../engine/runner.ts";

/**
 * The memory that a process holds, with what those hold that it has started, in bytes; null when it is gone or the system
 * does not tell. Of what it has started, files that are mapped do not count, such as the program.
 * @param proc where the system tells of its processes.
 */
export function residentBytes(pid: number, proc = "/proc"): number | null {
  if (process.platform !== "linux") return null;
  const own = kilobytes(statusOf(pid, proc), "VmRSS");
  if (own === null) return null;
  return descendants(pid, proc).reduce((sum, child) => sum + anonymousBytes(child, proc), own * 1024);
}

/** What keeps a process within its memory that is in no cgroup of its own. */
export const guardWithout: MemoryGuard = process.platform === "linux" ? "rss" : "none";

/** How often it is looked at. */
export const memoryIntervalMs = 250;

/** Of processes, and of threads of one: whoever starts ever more must not keep the server busy with looking at them. */
const most = 64;

function statusOf(pid: number, proc: string): string {
  return readOr("", () => readFileSync(join(proc, `${pid}/status`), "utf8"));
}

function kilobytes(status: string, name: string): number | null {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  return found === undefined ? null : Number(found);
}

function descendants(pid: number, proc: string): readonly number[] {
  const found = childrenOf(pid, proc);
  // Those that it finds are looked at in their turn.
  for (const child of found) {
    if (found.length >= most) break;
    found.push(...childrenOf(child, proc));
  }
  return found.slice(0, most);
}

/**
 * Every thread has children of its own. One that still is what its parent is has just been forked, to become something
 * else at once: until then all that it seems to hold is its parent's.
 */
function childrenOf(pid: number, proc: string): number[] {
  const tasks = join(proc, `${pid}/task`);
  const threads = readOr([], () => readdirSync(tasks)).slice(0, most);
  const lists = threads.map((thread) => readOr("", () => readFileSync(join(tasks, thread, "children"), "utf8")));
  const children = lists.flatMap((list) => list.split(" ").filter((word) => word.trim() !== ""));
  if (children.length === 0) return [];
  const command = commandOf(pid, proc);
  return children
    .slice(0, most)
    .map(Number)
    .filter((child) => commandOf(child, proc) !== command);
}

function commandOf(pid: number, proc: string): string {
  return readOr("", () => readFileSync(join(proc, `${pid}/cmdline`), "utf8"));
}

function anonymousBytes(pid: number, proc: string): number {
  const status = statusOf(pid, proc);
  return ((kilobytes(status, "RssAnon") ?? 0) + (kilobytes(status, "RssShmem") ?? 0)) * 1024;
}

/** What was read, or `none` when the process ended since: its exit is reported elsewhere. */
function readOr<T>(none: T, read: () => T): T {
  try {
    return read();
  } catch {
    return none;
  }
}
