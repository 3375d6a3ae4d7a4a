import { useEffect, useState } from "preact/hooks";

/** A value that several parts of the page share. */
export interface Shared<Value> {
  readonly value: Value;
  set(value: Value): void;
  /** Calls `listener` after every change. The returned function ends that. */
  listen(listener: (value: Value) => void): () => void;
}

export function share<Value>(first: Value): Shared<Value> {
  let value = first;
  const listeners = new Set<(value: Value) => void>();
  return {
    get value() {
      return value;
    },
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener(next);
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The value now; the component is drawn again when it changes. */
export function useShared<Value>(shared: Shared<Value>): Value {
  const [, redraw] = useState(0);
  useEffect(() => {
    let seen = shared.value;
    const look = () => {
      if (!Object.is(seen, shared.value)) redraw((count) => count + 1);
      seen = shared.value;
    };
    // It may have changed between the drawing and now.
    redraw((count) => count + 1);
    return shared.listen(look);
  }, [shared]);
  return shared.value;
}
