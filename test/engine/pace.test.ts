import { expect, test } from "bun:test";
import { createPace } from "../../src/engine/pace.ts";
import { FakeCatalog } from "../support/engine.ts";

/** A pace that has seen `echo` take each of these times, in milliseconds. */
function after(...times: readonly (number | null)[]) {
  const catalog = new FakeCatalog();
  const pace = createPace(catalog);
  for (const ms of times) pace.ran("echo", ms);
  return { catalog, pace, isQuick: () => pace.quick().has("echo") };
}

const quickly = (times: number) => Array<number>(times).fill(0.2);

test("a handler is quick after a hundred quick attempts, not before", () => {
  expect(after().isQuick()).toBe(false);
  expect(after(...quickly(99)).isQuick()).toBe(false);
  expect(after(...quickly(100)).isQuick()).toBe(true);
  expect(after(...Array<number>(200).fill(2.1)).isQuick()).toBe(false);
});

test("five slow attempts in a hundred are forgiven, a sixth is not until the first is long past", () => {
  const { pace, isQuick } = after(...quickly(100), ...Array<number>(5).fill(500));
  expect(isQuick()).toBe(true);
  for (const ms of quickly(50)) pace.ran("echo", ms);
  pace.ran("echo", null);
  expect(isQuick()).toBe(false);
  for (const ms of quickly(44)) pace.ran("echo", ms);
  expect(isQuick()).toBe(false);
  pace.ran("echo", 0.2);
  expect(isQuick()).toBe(true);
});

test("each handler has its own pace", () => {
  const { pace } = after(...quickly(100));
  pace.ran("add_numbers", 0.2);
  expect([...pace.quick()]).toEqual(["echo"]);
});

test("a handler that has changed has to show its pace again", () => {
  const { catalog, pace, isQuick } = after(...quickly(100));
  catalog.define("other");
  expect(isQuick()).toBe(true);
  catalog.define("echo");
  expect(isQuick()).toBe(false);
  for (const ms of quickly(99)) pace.ran("echo", ms);
  expect(isQuick()).toBe(false);
});
