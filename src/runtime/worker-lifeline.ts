import { dlopen } from "bun:ffi";
import { writeFileSync } from "node:fs";

/**
 * Makes the kernel kill this process when the server dies, even while a handler loops. Only Linux can; elsewhere the
 * closed channel ends the process, as soon as its event loop turns.
 */
export function dieWithParent(parentPid: number): void {
  if (process.platform === "linux") killOnParentDeath();
  // It may have died before the kernel was asked.
  if (process.ppid !== parentPid) process.exit(1);
}

/**
 * Makes a kernel that is short of memory, in a container with a limit too, end a worker before the server, which may well
 * be larger. What the worker starts inherits that.
 */
export function dieBeforeServer(): void {
  if (process.platform !== "linux") return;
  try {
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch (fault) {
    console.error("a system short of memory may end the server before this worker:", fault);
  }
}

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

/** glibc's and musl's names. */
const libcNames = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

function killOnParentDeath(): void {
  const faults: unknown[] = [];
  for (const name of libcNames) {
    try {
      const libc = dlopen(name, { prctl: { args: ["int", "u64", "u64", "u64", "u64"], returns: "int" } });
      libc.symbols.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
      return;
    } catch (fault) {
      faults.push(fault);
    }
  }
  console.error("this worker may outlive its server while a handler loops:", ...faults);
}
