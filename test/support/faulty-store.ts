import { TaskflowError } from "../../src/domain/error.ts";
import type { Store } from "../../src/storage/store.ts";

type Verb = keyof Store;

/** What becomes of a call: it is refused, or done and then said to have failed, or neither done nor answered. */
export type Fate = "passes" | "refused" | "lost" | "hangs";

/** A store that refuses or delays as a test says, over a real one. */
export interface FaultyStore {
  readonly store: Store;
  /** Says from now on what becomes of each call. */
  decide(fate: (verb: PropertyKey) => Fate): void;
  /** These verbs reject with `store_unavailable` from now on, and write nothing; all of them when none is named. */
  refuse(...verbs: readonly Verb[]): void;
  /** None is refused any more. */
  heal(): void;
  /** How often a verb was called, refused or not. */
  calls(verb: Verb): number;
  /** Answers of this verb are kept back until the returned function is called; the write itself is not. */
  hold(verb: Verb): () => void;
}

export function faultyStore(real: Store): FaultyStore {
  const counts = new Map<PropertyKey, number>();
  const held = new Map<PropertyKey, Promise<void>>();
  let fateOf: (verb: PropertyKey) => Fate = () => "passes";

  const store = new Proxy(real, {
    get(target, verb, receiver) {
      const method: unknown = Reflect.get(target, verb, receiver);
      if (typeof method !== "function") return method;
      return (...given: readonly unknown[]) => {
        counts.set(verb, (counts.get(verb) ?? 0) + 1);
        const fate = fateOf(verb);
        if (fate === "hangs") return new Promise(() => undefined);
        if (fate === "refused") return refusal();
        const answer: unknown = Reflect.apply(method, target, given);
        if (fate === "lost") return Promise.resolve(answer).then(refusal);
        const gate = held.get(verb);
        return gate === undefined ? answer : gate.then(() => answer);
      };
    },
  });

  return {
    store,
    decide(fate) {
      fateOf = fate;
    },
    refuse(...verbs) {
      const names = new Set<PropertyKey>(verbs);
      fateOf = (verb) => (names.size === 0 || names.has(verb) ? "refused" : "passes");
    },
    heal() {
      fateOf = () => "passes";
    },
    calls: (verb) => counts.get(verb) ?? 0,
    hold(verb) {
      const { promise, resolve } = Promise.withResolvers<void>();
      held.set(verb, promise);
      return () => {
        held.delete(verb);
        resolve();
      };
    },
  };
}

/** Rejects at the end of the turn, as a commit that fails does. */
function refusal(): Promise<never> {
  return new Promise((_, reject) => {
    setImmediate(() => reject(new TaskflowError("store_unavailable", "The disk is full, nothing was written")));
  });
}
