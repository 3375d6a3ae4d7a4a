import type { Received } from "./fake-socket.ts";

/** A client on a real socket. */
export interface Socket {
  readonly received: readonly Received[];
  readonly protocol: string;
  /** The first message that fits, of those there were and those to come. */
  first(fits: (message: Received) => boolean): Promise<Received>;
  say(message: object): void;
  sayRaw(data: string | Uint8Array<ArrayBuffer>): void;
  readonly closed: Promise<number>;
  leave(): void;
}

export interface DialOptions {
  readonly query?: string;
  readonly protocols?: string[];
}

/** Connects to the WebSocket of a server at `host`; resolves when it is open. */
export async function dial(host: string, { query = "", protocols = [] }: DialOptions = {}): Promise<Socket> {
  const received: Received[] = [];
  const waiting = new Set<(message: Received) => void>();
  const socket = new WebSocket(`ws://${host}/ws${query}`, protocols);
  socket.onmessage = ({ data }) => {
    const message: Received = JSON.parse(String(data));
    received.push(message);
    for (const look of waiting) look(message);
  };
  const closed = new Promise<number>((resolve) => {
    socket.onclose = ({ code }) => resolve(code);
  });
  await new Promise<void>((opened, failed) => {
    socket.onopen = () => opened();
    socket.onerror = () => failed(new Error("the handshake failed"));
  });
  return {
    received,
    closed,
    protocol: socket.protocol,
    first: (fits) =>
      new Promise((found) => {
        const hit = received.find(fits);
        if (hit !== undefined) return found(hit);
        const look = (message: Received) => {
          if (!fits(message)) return;
          waiting.delete(look);
          found(message);
        };
        waiting.add(look);
      }),
    say: (message) => socket.send(JSON.stringify(message)),
    sayRaw: (data) => socket.send(data),
    leave: () => socket.close(),
  };
}

/** A client that shakes hands and then reads nothing until it is told to read all. */
export async function dialDeaf(host: string): Promise<{ readToEnd(): Promise<Buffer> }> {
  const chunks: Buffer[] = [];
  const shaken = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const [hostname = "", port] = host.split(":");
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data(from, data) {
        chunks.push(Buffer.from(data));
        if (chunks.length > 1) return;
        from.pause();
        shaken.resolve();
      },
      close: () => ended.resolve(),
    },
  });
  const headers = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
  const key = Buffer.alloc(16).toString("base64");
  socket.write(`GET /ws HTTP/1.1\r\nHost: ${host}\r\n${headers.join("\r\n")}\r\nSec-WebSocket-Key: ${key}\r\n\r\n`);
  await shaken.promise;
  return {
    async readToEnd() {
      socket.resume();
      await ended.promise;
      return Buffer.concat(chunks);
    },
  };
}
