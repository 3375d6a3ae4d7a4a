import { dlopen, ptr } from "bun:ffi";

const RLIMIT_FSIZE = 1;

/** glibc's and musl's names. */
const libcNames = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

/**
 * Lets no file that the process `pid` writes grow above `bytes`, as if the disk were full; null takes the limit away. That
 * needs no privilege for a process of one's own. It fails with EFBIG, since Bun ignores the signal that comes with it.
 */
export function limitFileSize(pid: number, bytes: number | null): void {
  const now = new BigUint64Array(2);
  prlimit(pid, null, now);
  const [, hard = 0n] = now;
  prlimit(pid, new BigUint64Array([bytes === null ? hard : BigInt(bytes), hard]), null);
}

function prlimit(pid: number, next: BigUint64Array | null, now: BigUint64Array | null): void {
  const at = (limits: BigUint64Array | null) => (limits === null ? null : ptr(limits));
  if (libc().symbols.prlimit(pid, RLIMIT_FSIZE, at(next), at(now)) !== 0) throw new Error(`prlimit of ${pid} failed`);
}

function libc() {
  const faults: unknown[] = [];
  for (const name of libcNames) {
    try {
      return dlopen(name, { prlimit: { args: ["int", "int", "ptr", "ptr"], returns: "int" } });
    } catch (fault) {
      faults.push(fault);
    }
  }
  throw new AggregateError(faults, "no libc with prlimit");
}
