import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { openStore } from "../../src/storage/open.ts";
import { StoreOpenError } from "../../src/storage/open-error.ts";
import { databaseFile, folder, removeFolders } from "./files.ts";
import { inserted } from "./steps.ts";

afterAll(removeFolders);

const options = { now: () => 1_000 };
const refusal = (address: string) => openStore(address, options).catch((error: unknown) => error);

/** Expects a refusal whose one sentence has all of `parts`. */
async function expectRefusal(address: string, ...parts: string[]): Promise<void> {
  const error = await refusal(address);
  expect(error).toBeInstanceOf(StoreOpenError);
  for (const part of parts) expect(error).toHaveProperty("message", expect.stringContaining(part));
}

async function makeStore(file: string): Promise<void> {
  const store = await openStore(`sqlite:${file}`, options);
  await inserted(store);
  await store.close();
}

test("makes the file and its folders", async () => {
  const file = join(folder(), "a", "b", "taskflow.db");
  await makeStore(file);
  expect(existsSync(file)).toBe(true);
});

test("takes a path relative to where the server was started", async () => {
  const file = databaseFile();
  const path = relative(process.cwd(), file);
  const store = await openStore(`sqlite:${path.startsWith("..") ? path : `./${path}`}`, options);
  expect(existsSync(file)).toBe(true);
  await store.close();
});

test("takes an empty file for a new database", async () => {
  const file = databaseFile();
  writeFileSync(file, "");
  await makeStore(file);
});

test("keeps stores in memory apart, and leaves no file", async () => {
  const [one, other] = [await openStore("sqlite::memory:", options), await openStore("sqlite::memory:", options)];
  await inserted(one);
  expect((await other.counts()).enqueued).toBe(0);
  expect(existsSync(":memory:")).toBe(false);
  await one.close();
  await other.close();
});

test.each([
  "",
  "sqlite:",
  "sqlite::memory",
  "sqlite:taskflow.db",
  "sqlite://host/taskflow.db",
  "sqlite:./",
  "sqlite:/data/",
  "sqlite:./a\0b",
  "postgres://host/db",
  "./taskflow.db",
])("refuses the address %j and says which it takes", async (address) => {
  await expectRefusal(address, JSON.stringify(address), "sqlite:./path/file.db");
});

test("refuses a folder, and what is no regular file", async () => {
  const path = folder();
  await expectRefusal(`sqlite:${path}`, `${path} is a folder`);
  await expectRefusal("sqlite:/dev/null", "no regular file");
});

test("refuses a path through a file", async () => {
  const file = databaseFile();
  writeFileSync(file, "text");
  await expectRefusal(`sqlite:${file}/taskflow.db`, `${file} is no folder`);
  await expectRefusal(`sqlite:${file}/a/taskflow.db`, "is no folder");
});

test("refuses a file that is no database, and leaves it as it is", async () => {
  const file = databaseFile();
  const text = "Dear diary, ".repeat(1_000);
  writeFileSync(file, text);
  await expectRefusal(`sqlite:${file}`, `${file} is not a SQLite database, or it is damaged`);
  expect(readFileSync(file, "utf8")).toBe(text);
  expect(existsSync(`${file}.lock`)).toBe(false);
});

test("refuses a database that was cut off, and leaves it as it is", async () => {
  const file = databaseFile();
  await makeStore(file);
  truncateSync(file, 6_000);
  const bytes = readFileSync(file);
  await expectRefusal(`sqlite:${file}`, "damaged");
  expect(readFileSync(file)).toEqual(bytes);
});

test("refuses the database of another program, and leaves it as it is", async () => {
  const file = databaseFile();
  const other = new Database(file);
  other.run("CREATE TABLE notes (text TEXT)");
  other.close(true);
  const bytes = readFileSync(file);
  await expectRefusal(`sqlite:${file}`, `${file} belongs to another program`);
  expect(readFileSync(file)).toEqual(bytes);
  expect(existsSync(`${file}.lock`)).toBe(false);
});

test("refuses a database of a newer version, and leaves it as it is", async () => {
  const file = databaseFile();
  await makeStore(file);
  const newer = new Database(file);
  newer.run("PRAGMA user_version = 1000");
  newer.run("PRAGMA wal_checkpoint(TRUNCATE)");
  newer.close(true);
  const bytes = readFileSync(file);
  await expectRefusal(`sqlite:${file}`, "newer TaskFlow");
  expect(readFileSync(file)).toEqual(bytes);
});

test("refuses a database that another program locks", async () => {
  const file = databaseFile();
  await makeStore(file);
  const other = new Database(file);
  other.run("BEGIN IMMEDIATE");
  await expectRefusal(`sqlite:${file}`, `${file} is locked by another program`);
  other.close(true);
  await makeStore(file);
});

test("refuses a file that may only be read", async () => {
  const file = databaseFile();
  await makeStore(file);
  chmodSync(dirname(file), 0o777);
  chmodSync(`${file}.lock`, 0o666);
  chmodSync(file, 0o444);
  expect(messageForUnprivileged(file)).toContain(`${file}, or its -wal or -shm file, cannot be written`);
});

test("refuses a file that may not even be read", async () => {
  const file = databaseFile();
  writeFileSync(file, "");
  chmodSync(dirname(file), 0o777);
  chmodSync(file, 0o000);
  expect(messageForUnprivileged(file)).toContain("cannot be written");
});

test("refuses a folder that may not be written", async () => {
  const path = join(folder(), "closed");
  mkdirSync(path);
  chmodSync(path, 0o555);
  chmodSync(dirname(path), 0o755);
  const refused = `The folder ${path} cannot be written`;
  expect(messageForUnprivileged(join(path, "taskflow.db"))).toContain(refused);
  expect(messageForUnprivileged(join(path, "deeper", "taskflow.db"))).toContain(`The folder ${join(path, "deeper")}`);
});

test("refuses a database whose folder may not be written", async () => {
  const file = databaseFile();
  await makeStore(file);
  chmodSync(file, 0o666);
  chmodSync(dirname(file), 0o555);
  const message = messageForUnprivileged(file);
  chmodSync(dirname(file), 0o755);
  expect(message).toContain(`The folder ${dirname(file)} cannot be written`);
});

/** What a process without root's rights is told: it may do anything whatever the mode says. */
function messageForUnprivileged(file: string): string {
  const script = join(import.meta.dir, "unprivileged.ts");
  return Bun.spawnSync([process.execPath, script, file], { stderr: "inherit" }).stdout.toString();
}
