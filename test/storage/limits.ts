import type { ClaimLimits } from "../../src/storage/store.ts";

/** So many tasks of whatever handler, and none beyond. */
export function upTo(free: number): () => ClaimLimits {
  return () => ({ free, ahead: 0, quick: new Set() });
}
