import { expect, test } from "bun:test";
import { periodicCrashRounds } from "./periodic-rounds.ts";
import { crashRounds } from "./rounds.ts";

test("20 times killed at random moments, the server keeps every promise that it made", async () => {
  const { acknowledged, interrupted, faults, folder } = await crashRounds(20);
  if (faults.length > 0) throw new Error(`${faults.join("\n")}\nIts data is kept in ${folder}`);
  // Else it proved nothing.
  expect(acknowledged).toBeGreaterThan(200);
  expect(interrupted).toBeGreaterThan(0);
}, 120_000);

test("4 times killed as its periodic tasks fire, each of their times is decided once and none is early", async () => {
  const { fired, others, faults, folder } = await periodicCrashRounds(4);
  if (faults.length > 0) throw new Error(`${faults.join("\n")}\nIts data is kept in ${folder}`);
  expect(fired).toBeGreaterThan(20);
  expect(others).toBeGreaterThan(0);
}, 120_000);
