import { useEffect, useRef } from "preact/hooks";
import { openSocket } from "./socket.ts";
import { type Shared, share } from "./state.ts";
import type { TaskEvent } from "./wire.ts";

export type Connection =
  | { readonly state: "connecting" | "live" }
  | { readonly state: "lost"; readonly since: number; readonly retryAt: number };

export const connection: Shared<Connection> = share<Connection>({ state: "connecting" });

/** Rises whenever what is on the screen may be out of date: after a drop, or when events were left out. */
export const gaps: Shared<number> = share(0);

/** Events that may wait for their frame; beyond, they are left out and what is shown is fetched anew. */
const mostWaiting = 20_000;
/** How often those of a page that nobody looks at are dealt with. */
const hiddenMs = 1_000;

const listeners = new Set<(events: readonly TaskEvent[]) => void>();
let waiting: TaskEvent[] = [];
let isScheduled = false;
let isIncomplete = false;

/** Begins to hear what happens. Events come in batches, one a frame at most, however many there are. */
export function startLive(): void {
  openSocket({
    event(event) {
      if (waiting.length < mostWaiting) waiting.push(event);
      else isIncomplete = true;
      schedule();
    },
    connected() {
      const wasLost = connection.value.state === "lost";
      connection.set({ state: "live" });
      if (wasLost) gaps.set(gaps.value + 1);
    },
    lost(retryAt) {
      const { value } = connection;
      connection.set({ state: "lost", since: value.state === "lost" ? value.since : Date.now(), retryAt });
    },
  });
}

/** Calls `take` with every batch while the component is shown. */
export function useEvents(take: (events: readonly TaskEvent[]) => void): void {
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    const listener = (events: readonly TaskEvent[]) => latest.current(events);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }, []);
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  if (document.hidden) setTimeout(flush, hiddenMs);
  else requestAnimationFrame(flush);
}

function flush(): void {
  isScheduled = false;
  const events = waiting;
  waiting = [];
  for (const listener of [...listeners]) listener(events);
  if (!isIncomplete) return;
  isIncomplete = false;
  gaps.set(gaps.value + 1);
}
