import { describe, expect, test } from "bun:test";
import { WrongKeys } from "../../src/http/wrong-keys.ts";

function keysAt(options: { tries?: number; clients?: number } = {}) {
  let now = 1_000;
  const wrongKeys = new WrongKeys({ now: () => now, tries: 3, windowMs: 60_000, ...options });
  return { wrongKeys, pass: (ms: number) => (now += ms), guess: (client = "a") => wrongKeys.heard(client, null) };
}

describe("a client that tries wrong keys", () => {
  test("is refused after so many, with the seconds to wait, and may try again then", () => {
    const { guess, pass } = keysAt();
    expect([guess(), guess(), guess()]).toEqual([0, 0, 0]);
    pass(15_000);
    expect(guess()).toBe(45);
    pass(44_999);
    expect(guess()).toBe(0.001);
    pass(1);
    expect([guess(), guess(), guess(), guess()]).toEqual([0, 0, 0, 60]);
  });

  test("does not learn which key is right while it is refused", () => {
    const { wrongKeys, guess, pass } = keysAt();
    for (let n = 0; n < 3; n++) guess();
    expect(wrongKeys.heard("a", "ops")).toBe(60);
    pass(60_000);
    expect(wrongKeys.heard("a", "ops")).toBe(0);
  });

  test("locks out neither other addresses nor the keys that have worked from its own", () => {
    const { wrongKeys, guess } = keysAt();
    wrongKeys.heard("a", "ops");
    for (let n = 0; n < 3; n++) guess();
    expect(guess()).toBe(60);
    expect(wrongKeys.heard("a", "ops")).toBe(0);
    expect(wrongKeys.heard("a", "board")).toBe(60);
    expect(wrongKeys.heard("b", "board")).toBe(0);
  });

  test("is counted anew in each window", () => {
    const { guess, pass } = keysAt();
    guess();
    guess();
    pass(60_000);
    expect([guess(), guess(), guess(), guess()]).toEqual([0, 0, 0, 60]);
  });
});

test("of many clients those not heard of for longest are forgotten", () => {
  const { wrongKeys, guess } = keysAt({ tries: 1, clients: 3 });
  for (const client of ["a", "b", "c"]) guess(client);
  expect(guess("a")).toBe(60);
  guess("d");
  expect(wrongKeys.size).toBe(3);
  expect(guess("a")).toBe(60);
  expect(guess("b")).toBe(0);
  for (let n = 0; n < 1_000; n++) guess(`client ${n}`);
  expect(wrongKeys.size).toBe(3);
});
