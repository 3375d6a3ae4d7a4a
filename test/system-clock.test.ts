import { afterEach, expect, jest, test } from "bun:test";
import { systemClock } from "../src/system-clock.ts";

afterEach(() => {
  jest.useRealTimers();
});

test("a wait beyond what one timer holds is as long as it was asked for", () => {
  jest.useFakeTimers();
  const fired: string[] = [];
  systemClock.after(2 ** 31 + 1_000, () => fired.push("late"));
  jest.advanceTimersByTime(2 ** 31 - 1);
  expect(fired).toEqual([]);
  jest.advanceTimersByTime(1_000);
  expect(fired).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(fired).toEqual(["late"]);
});

test("a wait that was cancelled never ends, whichever step it is in", () => {
  jest.useFakeTimers();
  const fired: string[] = [];
  const cancel = systemClock.after(2 ** 31 + 1_000, () => fired.push("late"));
  jest.advanceTimersByTime(2 ** 31);
  cancel();
  jest.advanceTimersByTime(10_000);
  expect(fired).toEqual([]);
});
