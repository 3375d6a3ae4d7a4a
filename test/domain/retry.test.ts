import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { backoffMs, defaultBackoff } from "../../src/domain/retry.ts";

/** No jitter: exactly between the two ends. */
const middle = 0.5;

describe("the wait before a retry", () => {
  test("starts at a second, doubles, and never exceeds an hour, by default", () => {
    const waits = [1, 2, 3, 4, 12, 13, 100].map((retry) => backoffMs(retry, defaultBackoff, middle));
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 2_048_000, 3_600_000, 3_600_000]);
  });

  test("differs by a tenth either way, by default", () => {
    expect(backoffMs(1, defaultBackoff, 0)).toBe(900);
    expect(backoffMs(1, defaultBackoff, 0.999_999)).toBe(1_100);
  });

  test("is what the handler sets", () => {
    expect(backoffMs(3, { baseMs: 10, capMs: 35, jitter: 0 }, 0.9)).toBe(35);
    expect(backoffMs(2, { baseMs: 10, capMs: 35, jitter: 0 }, 0.9)).toBe(20);
    expect(backoffMs(7, { baseMs: 0, capMs: 35, jitter: 1 }, 0.9)).toBe(0);
  });

  test("stays within its jitter of min(cap, base * 2^(n-1)), in whole milliseconds", () => {
    const backoff = fc.record({
      baseMs: fc.integer({ min: 0, max: 10_000 }),
      capMs: fc.integer({ min: 0, max: 10_000_000 }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), backoff, random, (retry, settings, value) => {
        const middle = Math.min(settings.capMs, settings.baseMs * 2 ** (retry - 1));
        const wait = backoffMs(retry, settings, value);
        expect(wait).toBeInteger();
        expect(wait).toBeGreaterThanOrEqual(Math.floor(middle * (1 - settings.jitter)));
        expect(wait).toBeLessThanOrEqual(Math.ceil(middle * (1 + settings.jitter)));
      }),
    );
  });
});
