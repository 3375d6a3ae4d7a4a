import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../src/domain/clock.ts";
import { watchFolder } from "../../src/runtime/watcher.ts";
import { systemClock } from "../../src/system-clock.ts";
import { temporaryFolder } from "./harness.ts";

const silent = () => undefined;
const log = { debug: silent, info: silent, warn: silent, error: silent };

let folder: string;
/** The looks of its own accord, which the test lets go one by one. */
let turns: (() => void)[];
let looks: number;
let waiting: (() => void) | null;
let stop: (() => void) | null = null;

beforeEach(async () => {
  folder = join(await temporaryFolder(), "tasks");
  mkdirSync(folder);
  turns = [];
  looks = 0;
  waiting = null;
});
afterEach(() => stop?.());

/** Watches; `delayMs` is that of the looks of its own accord. */
function watch(mode: "auto" | "poll", delayMs: number): void {
  const clock: Clock = {
    now: systemClock.now,
    after(ms, run) {
      if (ms !== delayMs) return systemClock.after(ms, run);
      turns.push(run);
      return () => void turns.splice(turns.indexOf(run), 1);
    },
  };
  const look = () => {
    looks += 1;
    waiting?.();
  };
  stop = watchFolder({ folder, mode, clock, log, look });
}

/** Resolves with the look that follows what `act` does. */
function lookAfter(act: () => void): Promise<void> {
  return new Promise((resolve) => {
    waiting = resolve;
    act();
  });
}

test("what the system tells of is looked at, in folders that are new and in a folder that took the other's place, too", async () => {
  watch("auto", 2_000);
  expect(looks).toBe(1);
  await lookAfter(() => writeFileSync(join(folder, "a.ts"), "1"));
  await lookAfter(() => mkdirSync(join(folder, "x/y"), { recursive: true }));
  await lookAfter(() => writeFileSync(join(folder, "x/y/b.ts"), "1"));
  await lookAfter(() => renameSync(join(folder, "a.ts"), join(folder, "c.ts")));
  await lookAfter(() => rmSync(folder, { recursive: true }));
  mkdirSync(folder);
  await lookAfter(() => turns.pop()?.());
  await lookAfter(() => writeFileSync(join(folder, "d.ts"), "1"));
});

test("many hints at once are one look", async () => {
  watch("auto", 2_000);
  await lookAfter(() => {
    for (let n = 0; n < 100; n++) writeFileSync(join(folder, `f${n}.ts`), "1");
  });
  expect(looks).toBe(2);
});

test("a folder that comes later is looked at from then on", async () => {
  rmSync(folder, { recursive: true });
  watch("auto", 2_000);
  mkdirSync(folder);
  await lookAfter(() => turns.pop()?.());
  await lookAfter(() => writeFileSync(join(folder, "a.ts"), "1"));
});

test.each([
  ["auto", 2_000],
  ["poll", 500],
] as const)("%s looks of its own accord, again and again", (mode, delayMs) => {
  watch(mode, delayMs);
  for (let turn = 2; turn < 5; turn++) {
    expect(turns).toHaveLength(1);
    turns.pop()?.();
    expect(looks).toBe(turn);
  }
});

test("a stop ends it", () => {
  watch("poll", 500);
  expect(turns).toHaveLength(1);
  stop?.();
  expect(turns).toEqual([]);
});
