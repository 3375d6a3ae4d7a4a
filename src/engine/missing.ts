import type { HandlerCatalog } from "./runner.ts";

/** Since when handlers have been asked for in vain. A change of one of them begins its wait anew. */
export interface MissingHandlers {
  /** It was asked for in vain at `now`. Since when it has been. */
  note(name: string, now: number): number;
  /** It is there. */
  found(name: string): void;
  /** Null when it was not asked for since it was last changed. */
  since(name: string): number | null;
}

export function createMissingHandlers(catalog: Pick<HandlerCatalog, "changedIn">): MissingHandlers {
  const missing = new Map<string, { readonly since: number; readonly changedIn: number }>();

  function since(name: string): number | null {
    const known = missing.get(name);
    return known?.changedIn === catalog.changedIn(name) ? known.since : null;
  }

  return {
    note(name, now) {
      const first = since(name) ?? now;
      missing.set(name, { since: first, changedIn: catalog.changedIn(name) });
      return first;
    },
    found: (name) => missing.delete(name),
    since,
  };
}
