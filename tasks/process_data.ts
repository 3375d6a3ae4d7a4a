import { defineTask, PermanentError, t } from "taskflow";

export default defineTask({
  description: "Double every number in the data, however deep it lies; the result has the shape of the data",
  input: t.Object({
    data: t.Unknown({ description: "Any JSON. Strings, booleans, null and the keys of objects stay as they are" }),
  }),
  // The same data ends the same way every time.
  maxRetries: 0,
  run({ data }) {
    return doubled(data);
  },
});

function doubled(value: unknown): unknown {
  if (typeof value === "number") return doubledNumber(value);
  if (Array.isArray(value)) return value.map(doubled);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, doubled(inner)]));
}

function doubledNumber(value: number): number {
  const double = value * 2;
  if (!Number.isFinite(double)) throw new PermanentError(`Twice ${value} is beyond the largest number there is`);
  return double;
}
