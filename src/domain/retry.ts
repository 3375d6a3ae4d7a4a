/** How long to wait before a retry. Milliseconds; `jitter` is the share by which a wait may differ either way. */
export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
  readonly jitter: number;
}

export const defaultBackoff: Backoff = { baseMs: 1_000, capMs: 3_600_000, jitter: 0.1 };

/**
 * Milliseconds to wait before retry `retry` (from 1): `min(cap, base * 2^(retry-1))`, give or take the jitter.
 * @param random a number in [0, 1).
 */
export function backoffMs(retry: number, { baseMs, capMs, jitter }: Backoff, random: number): number {
  const wait = Math.min(capMs, baseMs * 2 ** (retry - 1));
  return Math.round(wait * (1 + jitter * (2 * random - 1)));
}
