/** Holds the handlers that fetch its URL until it is opened, and tells of their coming. */
export interface Gate {
  readonly url: string;
  /** Resolves when so many have come, with the query of the last of them. */
  arrived(count?: number): Promise<URLSearchParams>;
  /** Lets all of them go on, those to come as well. */
  open(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export function createGate(): Gate {
  const opened = Promise.withResolvers<void>();
  const visitors: URLSearchParams[] = [];
  const waiting = new Set<() => void>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      visitors.push(new URL(request.url).searchParams);
      for (const look of waiting) look();
      await opened.promise;
      return new Response("let go");
    },
  });
  return {
    url: server.url.href,
    arrived: (count = 1) =>
      new Promise((found) => {
        const look = () => {
          const visitor = visitors[count - 1];
          if (visitor === undefined) return;
          waiting.delete(look);
          found(visitor);
        };
        waiting.add(look);
        look();
      }),
    open: opened.resolve,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
