import type { Cause } from "./death.ts";
import { residentBytes } from "./memory.ts";

/** What one worker holds, beside its limit. */
export class Growth {
  readonly #pid: number;
  readonly #limitBytes: number;
  #restingBytes = 0;
  #bytes: number | null = null;

  constructor(pid: number, limitBytes: number) {
    this.#pid = pid;
    this.#limitBytes = limitBytes;
  }

  /** At the last look; null before. */
  get bytes(): number | null {
    return this.#bytes;
  }

  /** More than half way from its rest to the limit. */
  get isLarge(): boolean {
    return this.#bytes !== null && this.#bytes > (this.#restingBytes + this.#limitBytes) / 2;
  }

  /** It has not run anything yet. */
  rests(): void {
    this.#restingBytes = residentBytes(this.#pid) ?? 0;
  }

  /** Why it has to end, or null. */
  look(): Cause | null {
    const bytes = residentBytes(this.#pid);
    if (bytes === null) return null;
    this.#bytes = bytes;
    return bytes > this.#limitBytes ? { kind: "memory", usedBytes: bytes, limitBytes: this.#limitBytes } : null;
  }
}
