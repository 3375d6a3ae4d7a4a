import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { schemaSteps } from "../../src/storage/migrations.ts";
import { openStore } from "../../src/storage/open.ts";
import type { Store } from "../../src/storage/store.ts";
import { faultsIn } from "../support/invariants.ts";
import { anEntry } from "../support/periodic.ts";
import { aTask } from "../support/tasks.ts";
import { databaseFile, removeFolders } from "./files.ts";

afterAll(removeFolders);

const fixtures = join(import.meta.dir, "../fixtures/databases");

/** Files that servers of the earlier versions have left, by the schema steps that they had taken. */
const versions = schemaSteps.slice(1).map((_, index) => index + 1);

/** A copy of the file of that version. */
function copyOf(version: number): string {
  const file = databaseFile();
  copyFileSync(join(fixtures, `${version}.db`), file);
  return file;
}

function open(file: string): Promise<Store> {
  return openStore(`sqlite:${file}`, { now: () => 0 });
}

async function everything(store: Store) {
  const { tasks } = await store.list({ limit: 100 });
  const histories = tasks.map(async ({ id }) => [await store.attempts(id), await store.logs(id)]);
  return { tasks, histories: await Promise.all(histories), periodic: await store.listPeriodic() };
}

test.each(versions)("a file of version %d keeps all that it holds", async (version) => {
  const file = copyOf(version);
  const before = new Database(file, { readonly: true });
  const rows = before.query<Record<string, unknown>, []>("SELECT * FROM tasks ORDER BY seq DESC").all();
  const periodic = version < 2 ? [] : before.query("SELECT name FROM periodic_tasks ORDER BY name").values().flat();
  before.close();

  const store = await open(file);
  const { tasks, histories, periodic: entries } = await everything(store);
  const told = tasks.map(({ id, funcName, status, args, kwargs, result, error, attempt, runAt, scheduledFor }) => ({
    ...{ id, func_name: funcName, status, args, kwargs, result, error, attempt, run_at: runAt },
    scheduled_for: scheduledFor,
  }));
  const kept = told.map((task, index) =>
    Object.fromEntries(Object.keys(task).map((name) => [name, rows[index]?.[name]])),
  );
  expect(told).toEqual(kept as typeof told);
  expect(new Set(tasks.map(({ status }) => status))).toEqual(
    new Set(["completed", "failed", "retrying", "pending", "cancelled"]),
  );
  const [attempts, lines] = histories[tasks.findIndex(({ status }) => status === "completed")] ?? [];
  expect([attempts?.length, lines?.length]).toEqual([1, 1]);
  expect(entries.map<unknown>(({ name }) => name)).toEqual(periodic);
  await store.close();
});

test.each(versions)("a file of version %d takes all that there is now", async (version) => {
  const file = copyOf(version);
  const store = await open(file);
  const { enqueued } = await store.counts();
  const task = aTask();
  expect(await store.insert([task], Number.POSITIVE_INFINITY)).toBe(true);
  expect((await store.find(task.id))?.status).toBe("queued");
  expect((await store.counts()).enqueued).toBe(enqueued + 1);
  const entry = anEntry({ name: "new" });
  expect(await store.savePeriodic(entry, null, [], 1)).toBe(true);
  expect(await store.findPeriodic("new")).toEqual(entry);
  await store.close();

  const again = await open(file);
  expect((await again.find(task.id))?.status).toBe("queued");
  await again.close();
  const db = new Database(file, { readonly: true });
  expect(db.query("PRAGMA user_version").values()).toEqual([[schemaSteps.length]]);
  expect(faultsIn(db, "always", "inOrderOfTime")).toEqual([]);
  db.close();
});

test.each(versions)("a file of version %d comes to the same schema as a new one", async (version) => {
  const [old, fresh] = [copyOf(version), databaseFile()];
  for (const file of [old, fresh]) await (await open(file)).close();
  const [upgraded, made] = [old, fresh].map((file) => {
    using db = new Database(file, { readonly: true });
    return db.query("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").values();
  });
  expect(upgraded).toEqual(made ?? []);
});
