import type { Socket } from "bun";
import { ResponseReader } from "./http-response.ts";

/** A kept-alive HTTP/1.1 connection that takes requests ready-made and tells of responses by their status. */
export interface Connection {
  /** One request at a time: the next after `answered`. */
  send(request: Buffer): void;
  /** No `failed` follows. */
  close(): void;
}

export interface ConnectionListener {
  answered(status: number): void;
  failed(error: Error): void;
}

/** @throws Error when nobody listens there. */
export async function connect(url: URL, { answered, failed }: ConnectionListener): Promise<Connection> {
  const reader = new ResponseReader(answered);
  let unsent: Buffer | null = null;
  let closed = false;

  function fail(error: Error): void {
    if (closed) return;
    closed = true;
    failed(error);
  }

  function write(socket: Socket, bytes: Buffer): void {
    const written = socket.write(bytes);
    unsent = written < bytes.length ? bytes.subarray(Math.max(0, written)) : null;
  }

  const socket = await Bun.connect({
    hostname: url.hostname,
    port: Number(url.port),
    socket: {
      binaryType: "buffer",
      data(socket, chunk) {
        try {
          reader.push(chunk);
        } catch (error) {
          fail(error instanceof Error ? error : new Error(String(error)));
          socket.terminate();
        }
      },
      drain(socket) {
        if (unsent !== null) write(socket, unsent);
      },
      close: () => fail(new Error("the server closed the connection")),
      error: (_, error) => fail(error),
    },
  });
  return {
    send: (request) => write(socket, request),
    close() {
      closed = true;
      socket.end();
    },
  };
}

/** A GET, byte for byte. */
export function getRequest(url: URL, path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
}

/** A POST of JSON, byte for byte. `body` is put in as it is. */
export function postRequest(url: URL, path: string, body: string): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: ${url.host}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}
