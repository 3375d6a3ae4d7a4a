import { expect, test } from "bun:test";
import { Allowance } from "../../src/runtime/allowance.ts";

function taken(allowance: Allowance, most: number): number {
  let count = 0;
  while (count < most && allowance.take()) count += 1;
  return count;
}

function clockAt(time: { now: number }) {
  return { now: () => time.now, after: () => () => undefined };
}

test("a worker that only floods has its allowance used up, and time gives it a little more", () => {
  const time = { now: 0 };
  const allowance = new Allowance(clockAt(time), 2, 10);
  expect(taken(allowance, 100_000)).toBe(2_110);
  expect(allowance.take()).toBe(false);
  time.now += 1_000;
  expect(taken(allowance, 100_000)).toBe(200);
});

test("a worker whose attempts end may go on for ever", () => {
  const allowance = new Allowance(clockAt({ now: 0 }), 1, 0);
  for (let attempt = 0; attempt < 1_000; attempt++) {
    expect(taken(allowance, 40)).toBe(40);
    allowance.attemptEnded();
  }
});

test("a long silence saves up no more than there was at the start", () => {
  const time = { now: 0 };
  const allowance = new Allowance(clockAt(time), 1, 0);
  time.now += 86_400_000;
  expect(taken(allowance, 2_050)).toBe(2_050);
  expect(taken(allowance, 100_000)).toBeLessThanOrEqual(2_050);
});
