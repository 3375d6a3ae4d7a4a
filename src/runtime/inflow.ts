import { readFileSync } from "node:fs";
import type { Heartbeat } from "./heartbeat.ts";

/** Memory and bytes, as far as the system tells. */
export interface Meters {
  /** What this process holds, in bytes. */
  held(): number;
  /** What the process `pid` has ever written, in bytes. */
  written(pid: number): number;
}

/**
 * Notices a worker that sends a message without an end: it has to be kept until it is whole, and so fills the server's
 * memory. What arrives of it cannot be seen; but the worker writes while nothing is heard of it, and this process grows.
 */
export class Inflow {
  readonly #pid: number;
  readonly #heartbeat: Heartbeat;
  readonly #onFlood: () => void;
  readonly #meters: Meters;
  /** When something was last heard; null until the next look. */
  #since: { readonly written: number; readonly held: number } | null = null;
  #isAsking = false;

  constructor(pid: number, heartbeat: Heartbeat, onFlood: () => void, meters: Meters = systemMeters) {
    this.#pid = pid;
    this.#heartbeat = heartbeat;
    this.#onFlood = onFlood;
    this.#meters = meters;
  }

  /** A whole message came. */
  heard(): void {
    this.#since = null;
  }

  /** Looks; a worker that is suspect but answers is left alone. */
  async check(): Promise<void> {
    if (this.#isAsking) return;
    const now = { written: this.#meters.written(this.#pid), held: this.#meters.held() };
    this.#since ??= now;
    if (now.written - this.#since.written < suspectBytes || now.held - this.#since.held < suspectBytes) return;
    this.#isAsking = true;
    const answers = await this.#heartbeat.answers();
    this.#isAsking = false;
    if (!answers && this.#since !== null) this.#onFlood();
  }
}

/** Far more than any message of a sound worker. */
const suspectBytes = 64 * 2 ** 20;

const systemMeters: Meters = {
  held: () => process.memoryUsage.rss(),
  written(pid) {
    try {
      return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1] ?? 0);
    } catch {
      // It has ended, or the system does not tell.
      return 0;
    }
  },
};
