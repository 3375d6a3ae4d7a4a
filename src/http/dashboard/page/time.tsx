/** @jsxImportSource preact */
import { useEffect, useState } from "preact/hooks";
import { dateTime, fromNow } from "./format.ts";

const tickMs = 1_000;
const listeners = new Set<(now: number) => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

/** The time, anew every second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    listeners.add(setNow);
    ticking ??= setInterval(() => {
      if (document.hidden) return;
      const time = Date.now();
      for (const listener of [...listeners]) listener(time);
    }, tickMs);
    return () => {
      listeners.delete(setNow);
      if (listeners.size > 0) return;
      clearInterval(ticking);
      ticking = undefined;
    };
  }, []);
  return now;
}

/** How long ago, or in how long; the time itself on hovering. */
export function Ago({ time }: { readonly time: string | null }) {
  const now = useNow();
  if (time === null) return <span class="muted">–</span>;
  return (
    <time dateTime={time} title={dateTime(time, "milliseconds")}>
      {fromNow(time, now)}
    </time>
  );
}
