import { connect, createServer, type Socket } from "node:net";

/** An address that leads to a server until the line is cut. */
export interface Line {
  readonly url: string;
  /** Breaks every connection and refuses new ones. */
  cut(): void;
  /** From now on the address leads to `url`. */
  lead(url: string): void;
  [Symbol.dispose](): void;
}

export async function layLine(url: string): Promise<Line> {
  let target: URL | null = new URL(url);
  const ends = new Set<Socket>();
  const server = createServer((client) => {
    if (target === null) return client.destroy();
    const upstream = connect(Number(target.port), target.hostname);
    for (const [end, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      ends.add(end);
      end.pipe(other);
      end.on("error", () => other.destroy());
      end.on("close", () => {
        ends.delete(end);
        other.destroy();
      });
    }
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the line listens on no port");

  function cut() {
    target = null;
    for (const end of ends) end.destroy();
  }
  return {
    url: `http://127.0.0.1:${address.port}`,
    cut,
    lead: (to) => {
      target = new URL(to);
    },
    [Symbol.dispose]() {
      cut();
      server.close();
    },
  };
}
