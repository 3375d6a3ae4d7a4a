import { defineTask, t } from "taskflow";

const cycle: { inner?: unknown } = {};
cycle.inner = { cycle };

const values: Record<string, () => unknown> = {
  undefined: () => undefined,
  cycle: () => cycle,
  bigint: () => ({ items: [1, 2, 3, 10n] }),
  map: () => new Map([["a", 1]]),
  nan: () => ({ mean: 0 / 0 }),
  function: () => ({ later: () => 1 }),
  "10 MB": () => "x".repeat(10 * 1024 * 1024),
};

export default defineTask({
  description: "Returns what it is told to",
  input: t.Object({ what: t.String() }),
  maxRetries: 0,
  run: ({ what }) => values[what]?.(),
});
