import { rmSync, writeFileSync } from "node:fs";

/** Attempts of one worker that can wait at once, and then some: a cell comes up again only when it is empty. */
export const cellCount = 64;
/** The worker writes this behind the cells: whoever reads it there shares them indeed. */
const greeting = 0x7a5c;

/**
 * Memory that the server and one worker share, to settle between them who has an attempt that waits. Its cell holds its id
 * as long as it waits. Whoever takes that out has the attempt, and only one can: the worker to begin it, or the server to
 * have it run elsewhere, whatever the worker is busy with.
 */
export class Cells {
  readonly path: string;
  readonly #cells: Int32Array;

  private constructor(path: string) {
    this.path = path;
    const { buffer, byteOffset } = Bun.mmap(path, { shared: true });
    this.#cells = new Int32Array(buffer, byteOffset, cellCount + 1);
  }

  /** For the server: makes them, in a new file. Null where there is no such memory: then no attempt can wait. */
  static make(path: string): Cells | null {
    try {
      writeFileSync(path, new Uint8Array((cellCount + 1) * Int32Array.BYTES_PER_ELEMENT), { flag: "wx", mode: 0o600 });
      return new Cells(path);
    } catch {
      return null;
    }
  }

  /**
   * For the worker, before it loads any code: finds those that the server has made. Null when it cannot, which the server
   * sees by itself.
   */
  static find(path: string): Cells | null {
    try {
      const cells = new Cells(path);
      // A file that a handler could find it could also cut short, and whoever touches the memory then dies of it.
      rmSync(path);
      Atomics.store(cells.#cells, cellCount, greeting);
      return cells;
    } catch {
      return null;
    }
  }

  /** Removes the file, if the worker has not. */
  remove(): void {
    rmSync(this.path, { force: true });
  }

  /** Whether the worker has found them. */
  get isShared(): boolean {
    return Atomics.load(this.#cells, cellCount) === greeting;
  }

  /** The attempt waits from now on. */
  offer(id: number): void {
    Atomics.store(this.#cells, id % cellCount, id + 1);
  }

  /** Takes the attempt. False when the other side has it. */
  take(id: number): boolean {
    return Atomics.compareExchange(this.#cells, id % cellCount, id + 1, 0) === id + 1;
  }
}
