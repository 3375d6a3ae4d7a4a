import type { Clock } from "../domain/clock.ts";

/** Rings when something is due, never twice at once. */
export interface Alarm {
  start(): void;
  /** Something is due at that time (ms since the epoch). */
  expect(dueAt: number): void;
  /** Rings no more; resolves when it is not ringing. */
  stop(): Promise<void>;
}

export interface AlarmParts {
  readonly clock: Clock;
  /** The longest it sleeps: a clock that was set is noticed after this. */
  readonly longestSleepMs: number;
  /** Does what is due; says when to ring next, at the latest. */
  readonly ring: () => Promise<number>;
}

export function createAlarm({ clock, longestSleepMs, ring }: AlarmParts): Alarm {
  let started = false;
  let ringsAt = Number.POSITIVE_INFINITY;
  let cancelTimer: (() => void) | null = null;
  let ringing: Promise<void> | null = null;
  /** The timer went off while it was ringing. */
  let again = false;

  function expect(dueAt: number): void {
    const now = clock.now();
    // A timer that is overdue waits for a time that was meant before the clock was set forward: it rings at once.
    const until = ringsAt <= now ? Number.NEGATIVE_INFINITY : dueAt;
    if (!started || until >= ringsAt) return;
    cancelTimer?.();
    ringsAt = until;
    const delayMs = Math.min(longestSleepMs, Math.max(1, until - now));
    cancelTimer = clock.after(delayMs, () => {
      ringsAt = Number.POSITIVE_INFINITY;
      again = ringing !== null;
      ringing ??= ringOnce();
    });
  }

  async function ringOnce(): Promise<void> {
    try {
      expect(await ring());
    } finally {
      ringing = null;
      if (again) expect(clock.now());
    }
  }

  return {
    start() {
      started = true;
      expect(clock.now());
    },
    expect,
    async stop() {
      started = false;
      cancelTimer?.();
      await ringing;
    },
  };
}
