/** Time, handed in: everything below `http` asks this and never the system. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `run` once after `delayMs`, however long that is. The returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** Above this a timer fires at once (2^31 - 1 ms), so that longer waits are taken in steps. */
export const longestTimerMs = 2 ** 31 - 1;

/**
 * As `clock.after`, for a deadline on what others have to say. Whoever wakes from a suspension finds its timers overdue and
 * what came in time unread: that is read first.
 */
export function afterReading(clock: Clock, delayMs: number, run: () => void): () => void {
  let cancel = clock.after(delayMs, () => {
    cancel = clock.after(0, run);
  });
  return () => cancel();
}
