import { expect, test } from "bun:test";
import { createHistogram } from "../../src/domain/histogram.ts";

test("a value counts at the first bound that it does not exceed, and above all of them at the end", () => {
  const histogram = createHistogram([1, 2, 5]);
  for (const value of [0, 1, 1.5, 2, 2.1, 5, 5.1, 1_000]) histogram.observe(value);
  expect(histogram.counts).toEqual([2, 2, 2, 2]);
  expect(histogram.sum).toBeCloseTo(1_016.7);
});
