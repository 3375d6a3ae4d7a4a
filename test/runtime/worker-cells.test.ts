import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Cells, cellCount } from "../../src/runtime/worker-cells.ts";
import { temporaryFolder } from "./harness.ts";

async function bothSides(): Promise<{ server: Cells; worker: Cells }> {
  const server = Cells.make(join(await temporaryFolder(), "cells"));
  if (server === null) throw new Error("there is no memory to share");
  expect(server.isShared).toBe(false);
  const worker = Cells.find(server.path);
  if (worker === null) throw new Error("the worker does not find it");
  expect(server.isShared).toBe(true);
  return { server, worker };
}

test("what is offered can be taken by one side, once", async () => {
  const { server, worker } = await bothSides();
  expect(worker.take(0)).toBe(false);
  for (const id of [0, 1]) server.offer(id);
  expect([worker.take(0), server.take(0), worker.take(0)]).toEqual([true, false, false]);
  expect([server.take(1), worker.take(1), server.take(1)]).toEqual([true, false, false]);
});

test("a cell that was taken and offered anew is not taken for the old one", async () => {
  const { server, worker } = await bothSides();
  server.offer(3);
  expect(server.take(3)).toBe(true);
  server.offer(3 + cellCount);
  expect(worker.take(3)).toBe(false);
  expect(worker.take(3 + cellCount)).toBe(true);
});

test("no handler finds the file: it is gone once the worker has it", async () => {
  const { server } = await bothSides();
  expect(existsSync(server.path)).toBe(false);
  server.remove();
});

test("there are none where the system has no such memory", async () => {
  const folder = await temporaryFolder();
  expect(Cells.make(join(folder, "missing", "cells"))).toBeNull();
  expect(Cells.find(join(folder, "missing", "cells"))).toBeNull();
});
