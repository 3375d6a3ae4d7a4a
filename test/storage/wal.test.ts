import { afterAll, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { openStore } from "../../src/storage/open.ts";
import type { Store } from "../../src/storage/store.ts";
import { aTask } from "../support/tasks.ts";
import { databaseFile, removeFolders } from "./files.ts";
import { upTo } from "./limits.ts";
import { completed, settlementOf, unlimited } from "./steps.ts";

afterAll(removeFolders);

/** The log is taken over into the file at 4 MB; what one commit may write above that comes on top. */
const bound = 6 * 1024 * 1024;

test("the write-ahead log stays bounded under constant load", async () => {
  const file = databaseFile();
  const store = await openStore(`sqlite:${file}`, { now: () => 1_000 });
  let longest = 0;
  for (let turn = 0; turn < 250; turn++) {
    await writeMuch(store);
    longest = Math.max(longest, statSync(`${file}-wal`).size);
  }
  expect(longest).toBeLessThan(bound);
  expect((await store.stats()).walBytes).toBe(statSync(`${file}-wal`).size);
  // Each page was in the log at least once.
  expect(statSync(file).size).toBeGreaterThan(bound);
  await store.close();
}, 30_000);

/** A turn of a busy server: submissions, claims and settlements. */
async function writeMuch(store: Store): Promise<void> {
  const [, running] = await Promise.all([
    store.insert(
      Array.from({ length: 100 }, () => aTask()),
      unlimited,
    ),
    store.claim(upTo(100), 2_000),
  ]);
  await Promise.all(running.map((task) => store.settle(task.id, task.attempt, settlementOf(task, completed))));
}
