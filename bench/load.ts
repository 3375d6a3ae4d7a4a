import { connect, getRequest, postRequest } from "./connection.ts";
import type { LoadJob, LoadResult } from "./job.ts";

/**
 * Sends over `connections` connections, each the next request once the one before is answered, for `ms` milliseconds or
 * until `requests` are answered.
 * @throws Error when a request is not answered as it should be, or a connection breaks.
 */
export async function runLoad({ url: address, path, bodies, connections, until }: LoadJob): Promise<LoadResult> {
  const url = new URL(address);
  const isGet = bodies.length === 0;
  const requests = isGet ? [getRequest(url, path)] : bodies.map((body) => postRequest(url, path, body));
  const expected = isGet ? 200 : 201;
  const finished = Promise.withResolvers<void>();
  let sent = 0;
  let answered = 0;
  let inFlight = 0;
  let deadline = Number.POSITIVE_INFINITY;

  function next(): Buffer | null {
    const over = "requests" in until ? sent >= until.requests : performance.now() >= deadline;
    return over ? null : (requests[sent % requests.length] ?? null);
  }

  function advance(send: (request: Buffer) => void): void {
    const request = next();
    if (request === null) {
      if (inFlight === 0) finished.resolve();
      return;
    }
    sent++;
    inFlight++;
    send(request);
  }

  const open = await Promise.all(
    Array.from({ length: connections }, async () => {
      const connection = await connect(url, {
        answered(status) {
          inFlight--;
          answered++;
          if (status === expected) advance(connection.send);
          else finished.reject(new Error(`${path} was answered by ${status}`));
        },
        failed: finished.reject,
      });
      return connection;
    }),
  );
  const startedAt = performance.now();
  if ("ms" in until) deadline = startedAt + until.ms;
  for (const { send } of open) advance(send);
  await finished.promise.finally(() => {
    for (const connection of open) connection.close();
  });
  return { answered, elapsedMs: performance.now() - startedAt };
}
