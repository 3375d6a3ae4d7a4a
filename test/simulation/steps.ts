import fc from "fast-check";

/** What may become of a write: the store refuses it, or makes it and then says that it failed. */
export const faultKinds = ["refused", "lost"] as const;
export type FaultKind = (typeof faultKinds)[number];

const minute = 60_000;
const pick = fc.nat({ max: 40 });

const submission = fc.record({
  delayMs: fc.constantFrom(0, 0, 1, 700, 5_000),
  priority: fc.constantFrom(0 as const, 2 as const, 3 as const),
  maxRetries: fc.constantFrom(0, 1, 2),
  funcName: fc.constantFrom("echo", "echo", "plain"),
});

/** How an attempt comes to its end. */
const endings = ["completes", "fails", "gives up", "asks to wait", "is interrupted", "loses its worker"] as const;
export type Ending = (typeof endings)[number];

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("submit" as const), submission }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("batch" as const), batch: fc.array(submission, { maxLength: 4 }) }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("end" as const), pick, how: fc.constantFrom(...endings) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("report" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("displace" as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stale" as const), pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("cancel" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("retry" as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("clear" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("jump" as const),
      ms: fc.constantFrom(-60 * minute, -minute, -500, 500, 20 * minute, 60 * minute),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("fault" as const),
      kind: fc.constantFrom(...faultKinds),
      skip: fc.nat({ max: 3 }),
      writes: fc.constantFrom(1, 1, 2, 5, 1_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("heal" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("handler" as const), state: fc.constantFrom("ready", "broken", "gone") }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stop" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
export type Asked = typeof submission extends fc.Arbitrary<infer T> ? T : never;

/** What falls together in one turn of the event loop, and the time that passes after it. Plain data. */
const turn = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 4 }),
  waitMs: fc.constantFrom(0, 0, 0, 1, 1, 150, 150, 600, 600, 3_000, 3_000, 61_000),
});
export type Turn = typeof turn extends fc.Arbitrary<infer T> ? T : never;

export interface Story {
  /** For the jitter. */
  readonly seed: number;
  /** Whether a handler heeds its signal. */
  readonly onAbort: "throw" | "ignore";
  /** Attempts of `echo` that may wait in each of the two workers; those of `plain` never do. */
  readonly depth?: number;
  readonly turns: readonly Turn[];
}

export const stories: fc.Arbitrary<Story> = fc.record({
  seed: fc.nat(),
  onAbort: fc.constantFrom("throw", "ignore"),
  depth: fc.constantFrom(0, 1, 3),
  turns: fc.array(turn, { maxLength: 25 }),
});
