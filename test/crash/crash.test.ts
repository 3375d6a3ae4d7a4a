import { expect, test } from "bun:test";
import { crashRounds } from "./rounds.ts";

test("20 times killed at random moments, the server keeps every promise that it made", async () => {
  const { acknowledged, interrupted, faults, folder } = await crashRounds(20);
  if (faults.length > 0) throw new Error(`${faults.join("\n")}\nIts data is kept in ${folder}`);
  // Else it proved nothing.
  expect(acknowledged).toBeGreaterThan(200);
  expect(interrupted).toBeGreaterThan(0);
}, 120_000);
