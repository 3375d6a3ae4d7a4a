/** A connection on which HTTP is spoken by hand. */
export interface Wire {
  send(text: string | Uint8Array): void;
  /** The next response, whose body must have a Content-Length. */
  response(): Promise<WireResponse>;
  /** Resolves when the other side has closed it. */
  readonly closed: Promise<void>;
  [Symbol.dispose](): void;
}

export interface WireResponse {
  readonly status: number;
  readonly type: string | null;
  /** The status line and the headers. */
  readonly head: string;
  readonly body: string;
}

export async function dialWire(url: string): Promise<Wire> {
  let unread = Buffer.alloc(0);
  let unsent = Buffer.alloc(0);
  let tell: () => void = () => undefined;
  const closed = Promise.withResolvers<void>();
  const { hostname, port } = new URL(url);
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data(_socket, data) {
        unread = Buffer.concat([unread, data]);
        tell();
      },
      drain: flush,
      close() {
        closed.resolve();
        tell();
      },
    },
  });

  function flush(): void {
    unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
  }

  return {
    closed: closed.promise,
    send(text) {
      unsent = Buffer.concat([unsent, Buffer.from(text)]);
      flush();
    },
    response: () =>
      new Promise((found) => {
        tell = () => {
          const read = readResponse(unread);
          if (read === null) return;
          unread = unread.subarray(read.bytes);
          tell = () => undefined;
          found(read.response);
        };
        tell();
      }),
    [Symbol.dispose]: () => socket.terminate(),
  };
}

/** A request as one writes it: a line, headers, and a body with its length. */
export function requestText(line: string, headers: Readonly<Record<string, string>> = {}, body = ""): string {
  const length: Record<string, string> = body === "" ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const all = Object.entries({ host: "localhost", ...length, ...headers });
  return `${line} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`;
}

export function chunkText(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

function readResponse(bytes: Buffer): { readonly response: WireResponse; readonly bytes: number } | null {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const head = bytes.subarray(0, end).toString();
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
  const total = end + 4 + length;
  if (bytes.length < total) return null;
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
  const type = /^content-type: ([^;\r]+)/im.exec(head)?.[1] ?? null;
  return { response: { status, type, head, body: bytes.subarray(end + 4, total).toString() }, bytes: total };
}
