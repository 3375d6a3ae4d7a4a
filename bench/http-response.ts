/** The end of one HTTP/1.1 response in a stream of them. */
interface Extent {
  readonly status: number;
  /** Where the next one begins. */
  readonly end: number;
}

const headEnding = "\r\n\r\n";
const lineEnding = "\r\n";
const nothing = Buffer.alloc(0);

/**
 * Finds the responses in what a connection receives, however it is cut up. It looks at the status and the length and at
 * nothing else, so that telling responses apart costs a load generator next to nothing.
 */
export class ResponseReader {
  readonly #answered: (status: number) => void;
  #rest: Buffer = nothing;

  /** @param answered called for each response once all of it is there. */
  constructor(answered: (status: number) => void) {
    this.#answered = answered;
  }

  /** @throws Error when the bytes are no HTTP/1.1 responses of a known length. */
  push(chunk: Buffer): void {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let from = 0;
    while (from < data.length) {
      const extent = responseAt(data, from);
      if (extent === null) break;
      from = extent.end;
      this.#answered(extent.status);
    }
    this.#rest = from === data.length ? nothing : data.subarray(from);
  }
}

/** Null when the response is not all there yet. */
function responseAt(data: Buffer, from: number): Extent | null {
  const headEnd = data.indexOf(headEnding, from, "latin1");
  if (headEnd < 0) return null;
  const head = data.toString("latin1", from, headEnd);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
  if (!(status >= 200)) throw new Error(`no HTTP/1.1 response: ${JSON.stringify(head.slice(0, 80))}`);
  const end = bodyEnd(data, headEnd + headEnding.length, head, status);
  return end === null || end > data.length ? null : { status, end };
}

function bodyEnd(data: Buffer, from: number, head: string, status: number): number | null {
  if (status === 204 || status === 304) return from;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return from + Number(length);
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return chunksEnd(data, from);
  throw new Error("a response says nothing of its length");
}

function chunksEnd(data: Buffer, from: number): number | null {
  for (let at = from; ; ) {
    const sizeEnd = data.indexOf(lineEnding, at, "latin1");
    if (sizeEnd < 0) return null;
    const size = Number.parseInt(data.toString("latin1", at, sizeEnd), 16);
    if (Number.isNaN(size)) throw new Error("a chunk says nothing of its length");
    at = sizeEnd + lineEnding.length + size + lineEnding.length;
    if (size === 0) return at;
    if (at > data.length) return null;
  }
}
