import type { Clock } from "../domain/clock.ts";
import { type EventType, eventFor, type TaskEvent } from "../domain/event.ts";
import type { LogLine, Task } from "../domain/task.ts";

/** Events kept for those who resume: as many as fit in both. */
export const historyLimits = { events: 10_000, bytes: 16 * 1024 * 1024 } as const;

/** Tells listeners what happened, in order, and remembers the latest for those who come back. */
export interface EventBus {
  /** The `seq` of the latest event, or of none yet: what comes next is above it. */
  readonly latest: number;
  /** Says that `task` now is in its status. */
  changed(task: Task): void;
  progressed(task: Task): void;
  logged(task: Task, line: LogLine): void;
  /** Calls `listener` with every event from now on, in order. It must not throw. The returned function ends that. */
  listen(listener: (event: TaskEvent) => void): () => void;
  /** The events after `seq`, oldest first, or null when some of them are no longer known (or never were). */
  since(seq: number): readonly TaskEvent[] | null;
}

export function createEventBus(clock: Clock): EventBus {
  const listeners = new Set<(event: TaskEvent) => void>();
  // Microseconds: above whatever an earlier process can have reached, so that a stale `since` is never taken for a new one.
  let latest = clock.now() * 1_000;
  // A ring: the event with `seq` lies at `seq % size`. A Map that loses its head with every event is slow by comparison.
  const history: (TaskEvent | undefined)[] = new Array(historyLimits.events);
  let oldest = latest + 1;
  let bytes = 0;
  /** What listeners have not all heard yet, in order. */
  const untold: TaskEvent[] = [];

  function publish(type: EventType, task: Task, log: LogLine | null): void {
    const event: TaskEvent = { type, task, at: clock.now(), seq: ++latest, log };
    if (latest - oldest >= historyLimits.events) forgetOldest();
    history[event.seq % historyLimits.events] = event;
    bytes += weight(event);
    while (bytes > historyLimits.bytes && oldest <= latest) forgetOldest();
    untold.push(event);
    // More than one: a listener published it, and it waits until all have heard what came before.
    if (untold.length === 1) tell();
  }

  function tell(): void {
    try {
      for (let event = untold[0]; event !== undefined; event = untold[0]) {
        if (listeners.size > 0) for (const listener of [...listeners]) listener(event);
        untold.shift();
      }
    } finally {
      untold.length = 0;
    }
  }

  function forgetOldest(): void {
    const place = oldest % historyLimits.events;
    const event = history[place];
    history[place] = undefined;
    oldest += 1;
    if (event !== undefined) bytes -= weight(event);
  }

  return {
    get latest() {
      return latest;
    },
    changed: (task) => publish(eventFor(task.status), task, null),
    progressed: (task) => publish("task_progress", task, null),
    logged: (task, line) => publish("task_log", task, line),
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    since(seq) {
      if (!Number.isSafeInteger(seq) || seq < oldest - 1 || seq > latest) return null;
      const events: TaskEvent[] = [];
      for (let next = seq + 1; next <= latest; next++) {
        const event = history[next % historyLimits.events];
        if (event !== undefined) events.push(event);
      }
      return events;
    },
  };
}

/** Roughly what an event keeps alive, in bytes. */
function weight({ task, log }: TaskEvent): number {
  const { args, kwargs, result, error, progress } = task;
  const told = lengthOf(error) + lengthOf(progress?.message) + lengthOf(log?.message);
  return 512 + args.length + kwargs.length + lengthOf(result) + told;
}

function lengthOf(text: string | null | undefined): number {
  return text?.length ?? 0;
}
