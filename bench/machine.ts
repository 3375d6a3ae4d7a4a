import { closeSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";

/** What the figures depend on. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly bun: string;
  readonly os: string;
  /** What else ran: processes ready to run, on average over the minute before. */
  readonly loadBefore: number;
  /** Whether the files lie in memory, where a sync costs nothing and keeps nothing. */
  readonly ramDisk: boolean;
}

/** @param folder on the file system in question. */
export function describeMachine(folder: string): Machine {
  return {
    cores: navigator.hardwareConcurrency,
    cpu: cpus()[0]?.model ?? "unknown",
    bun: Bun.version,
    os: `${process.platform} ${release()}`,
    loadBefore: loadavg()[0] ?? 0,
    ramDisk: process.platform === "linux" && ramDiskTypes.includes(statfsSync(folder).type),
  };
}

/** Milliseconds that it takes to append a page to a file in `folder` and have it on the disk, once for each of many. */
export function timeSyncs(folder: string): readonly number[] {
  const page = Buffer.alloc(4_096, 1);
  const path = join(folder, "fsync");
  const file = openSync(path, "w");
  try {
    return Array.from({ length: syncs }, () => {
      const startedAt = performance.now();
      writeSync(file, page);
      fsyncSync(file);
      return performance.now() - startedAt;
    });
  } finally {
    closeSync(file);
    rmSync(path);
  }
}

/** Of tmpfs and ramfs, from Linux' magic.h. */
const ramDiskTypes = [0x01021994, 0x858458f6];
const syncs = 100;
