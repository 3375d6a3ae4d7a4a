import type { Clock } from "../domain/clock.ts";
import type { Log } from "../domain/log.ts";

/** Reads a stream to its end and keeps the last of it. One that floods is read slowly, so that it has to wait. */
export class Tail {
  /** Resolves at the end of the stream. */
  readonly closed: Promise<void>;
  #kept = new Uint8Array();
  #hurry = false;

  constructor(stream: ReadableStream<Uint8Array>, clock: Clock, log: Log) {
    this.closed = this.#read(stream, clock).catch((error: unknown) => {
      log.warn({ err: error }, "could not read what a worker writes to stderr");
    });
  }

  get text(): string {
    // The first character may be half of one.
    return new TextDecoder().decode(this.#kept).replace(/^\ufffd+/, "");
  }

  /** Stops going slowly: whoever wrote is gone. */
  hurry(): void {
    this.#hurry = true;
  }

  async #read(stream: ReadableStream<Uint8Array>, clock: Clock): Promise<void> {
    for await (const chunk of stream) {
      this.#kept = lastOf(this.#kept, chunk);
      if (chunk.length >= floodBytes && !this.#hurry) {
        await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
      }
    }
  }
}

const keptBytes = 8 * 1024;
/** A chunk of this size means that the writer is faster than the reader. */
const floodBytes = 16 * 1024;
const pauseMs = 20;

function lastOf(kept: Uint8Array, chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  const room = keptBytes - Math.min(chunk.length, keptBytes);
  const start = room === 0 ? new Uint8Array() : kept.subarray(-room);
  return new Uint8Array(Buffer.concat([start, chunk.subarray(-keptBytes)]));
}
