import fc from "fast-check";
import { catchUps, overlaps } from "../../src/domain/periodic.ts";

const minute = 60_000;
const hour = 60 * minute;

/** Expressions whose times, in UTC, are the multiples of so many milliseconds. */
export const everyMs = {
  "*/10 * * * * *": 10_000,
  "*/30 * * * * *": 30_000,
  "* * * * *": minute,
  "*/5 * * * *": 5 * minute,
  "0 * * * *": hour,
} as const;
export type Expression = keyof typeof everyMs;

const expressions = Object.keys(everyMs) as Expression[];
const name = fc.constantFrom("a", "b");
const expression = fc.constantFrom(...expressions);
const overlap = fc.constantFrom(...overlaps);
const catchUp = fc.constantFrom(...catchUps);
const enabled = fc.constantFrom(true, true, true, false);
const entry = fc.record({ name, expression, overlap, catchUp, enabled });

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("save" as const), entry }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("patch" as const),
      name,
      changes: fc.record({ expression, overlap, catchUp, enabled }, { requiredKeys: [] }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("trigger" as const), name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), name }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("declare" as const),
      entries: fc.uniqueArray(entry, { maxLength: 2, selector: (one) => one.name }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("end" as const), how: fc.constantFrom("completes", "fails") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fill" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("jump" as const),
      ms: fc.constantFrom(-hour, -minute, -4_000, 4_000, minute, 3 * hour),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("fault" as const),
      kind: fc.constantFrom("refused" as const, "lost" as const),
      skip: fc.nat({ max: 3 }),
      writes: fc.constantFrom(1, 1, 2, 5, 1_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("heal" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("handler" as const),
      state: fc.constantFrom("ready" as const, "gone" as const, "refuses" as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("crash" as const, "stop" as const),
      downMs: fc.constantFrom(0, 500, 5_000, 20_000, 10 * minute, 5 * hour, 21 * 24 * hour),
    }),
  },
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
export type Entry = typeof entry extends fc.Arbitrary<infer T> ? T : never;

/** What falls together in one turn of the event loop, and the time that passes after it. Plain data. */
export const stories = fc.array(
  fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 3 }),
    waitMs: fc.constantFrom(0, 1, 999, 1_000, 10_000, 10_000, 31_000, minute, 3 * minute),
  }),
  { minLength: 1, maxLength: 12 },
);
export type Story = typeof stories extends fc.Arbitrary<infer T> ? T : never;
