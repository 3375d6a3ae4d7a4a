import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

const count = Type.Integer({ minimum: 0 });
const counts = Type.Record(Type.String(), count);
const workerSchema = Type.Object({ state: Type.String(), rss_bytes: Type.Union([count, Type.Null()]) });
const stateSchema = Type.Object({
  queue: Type.Object({
    total_enqueued: count,
    current_size: count,
    running_count: count,
    retrying_count: count,
    completed_count: count,
    failed_count: count,
    cancelled_count: count,
  }),
  workers: Type.Object({ kills: counts, pool: Type.Array(workerSchema) }),
});

/** What a server says of its queue and its workers. */
export async function stateOf(url: string) {
  return Value.Parse(stateSchema, await (await fetch(`${url}/api/v1/metrics`)).json());
}

/**
 * Looks again and again until `isReached`, as seldom as costs nothing beside what is measured.
 * @throws Error when that takes too long.
 */
export async function until(
  what: string,
  isReached: () => Promise<boolean>,
  { everyMs = 25, patienceMs = 120_000 } = {},
) {
  const giveUpAt = performance.now() + patienceMs;
  while (!(await isReached())) {
    if (performance.now() > giveUpAt) throw new Error(`waited too long for ${what}`);
    await Bun.sleep(everyMs);
  }
}
