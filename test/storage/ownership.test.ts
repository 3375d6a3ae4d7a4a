import { afterAll, expect, test } from "bun:test";
import { symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { openStore } from "../../src/storage/open.ts";
import { StoreOpenError } from "../../src/storage/open-error.ts";
import { aTask } from "../support/tasks.ts";
import { databaseFile, folder, removeFolders } from "./files.ts";
import { holdStore } from "./holder.ts";

afterAll(removeFolders);

const open = (file: string) => openStore(`sqlite:${file}`, { now: () => Date.UTC(2030, 0, 1) });
const refusal = (file: string) => open(file).catch((error: unknown) => error);

test("a second process is refused, and told who holds the file", async () => {
  const file = databaseFile();
  const holder = await holdStore(file);
  const error = await refusal(file);
  holder.kill("SIGKILL");
  await holder.exited;
  expect(error).toBeInstanceOf(StoreOpenError);
  const who = `(pid ${holder.pid} on ${hostname()}, since 2030-01-02T00:00:00.000Z)`;
  expect(error).toHaveProperty("message", expect.stringContaining(who));
});

test("being refused does not disturb the holder", async () => {
  const file = databaseFile();
  const store = await open(file);
  const child = Bun.spawnSync([process.execPath, join(import.meta.dir, "holder.ts"), file]);
  expect(child.exitCode).not.toBe(0);
  expect(child.stderr.toString()).toContain(`pid ${process.pid} on`);
  expect(await store.insert([aTask()], 1)).toBe(true);
  await store.close();
});

test("SIGKILL of the holder frees the file", async () => {
  const file = databaseFile();
  const holder = await holdStore(file);
  holder.kill("SIGKILL");
  await holder.exited;
  const store = await open(file);
  await store.close();
});

test("the same process is refused as well, until it closes", async () => {
  const file = databaseFile();
  const store = await open(file);
  for (let n = 0; n < 2; n++) expect(await refusal(file)).toBeInstanceOf(StoreOpenError);
  // Closing the files of a refused attempt must not have let go of the lock.
  const child = Bun.spawnSync([process.execPath, join(import.meta.dir, "holder.ts"), file]);
  expect(child.exitCode).not.toBe(0);
  await store.close();
  await (await open(file)).close();
});

test("the file stays held when nothing refers to the store any more", async () => {
  const file = databaseFile();
  await (async () => void (await open(file)))();
  for (let turn = 0; turn < 5; turn++) {
    Bun.gc(true);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await refusal(file)).toBeInstanceOf(StoreOpenError);
});

test("another path to the same file is the same file", async () => {
  const file = databaseFile();
  const link = join(folder(), "link.db");
  const store = await open(file);
  symlinkSync(file, link);
  expect(await refusal(link)).toHaveProperty("message", expect.stringContaining("in use by another TaskFlow server"));
  await store.close();
});

test("two files have two owners", async () => {
  const stores = await Promise.all([open(databaseFile()), open(databaseFile())]);
  for (const store of stores) await store.close();
});

test("a damaged lock file is named", async () => {
  const file = databaseFile();
  writeFileSync(`${file}.lock`, "no database ".repeat(100));
  expect(await refusal(file)).toHaveProperty(
    "message",
    expect.stringContaining(`${file}.lock is not a SQLite database`),
  );
});
