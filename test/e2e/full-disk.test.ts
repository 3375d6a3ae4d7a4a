import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { connect, type TestClient, type WireTask } from "../support/client.ts";
import { limitFileSize } from "../support/file-size.ts";
import { faultsIn } from "../support/invariants.ts";
import { startServer, type TestServer, temporaryFolder } from "../support/server.ts";
import { createGate } from "./gate.ts";

setDefaultTimeout(30_000);

const tasksDir = join(import.meta.dir, "tasks");
const text = "x".repeat(4_000);

/** Leaves room for a few submissions, and uses it up. Resolves with what was acknowledged and with the refusal. */
async function fillDisk(server: TestServer, client: TestClient) {
  limitFileSize(server.pid, statSync(join(server.dataDir, "taskflow.db-wal")).size + 200_000);
  const acknowledged: WireTask[] = [];
  for (;;) {
    const response = await client.post("/api/v1/tasks", { func_name: "echo", kwargs: { text }, delay: 0.1 });
    if (response.status !== 201) {
      // What is left may be enough for something smaller.
      limitFileSize(server.pid, 4_096);
      return { acknowledged, refusal: response };
    }
    acknowledged.push(await response.json());
  }
}

test("a full disk is a 503 with Retry-After; reads go on, it resumes unaided, and nothing acknowledged is lost", async () => {
  await using gate = createGate();
  await using server = await startServer({ tasksDir });
  using client = await connect(server.url);
  const running = await client.submit({ func_name: "held", kwargs: { url: gate.url } });
  await gate.arrived();
  const { acknowledged, refusal } = await fillDisk(server, client);
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(refusal.status).toBe(503);
  expect(Number(refusal.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await refusal.json()).toMatchObject({ code: "store_unavailable" });

  gate.open();
  await server.entry(({ msg }) => msg === "cannot write how an attempt ended; trying again");
  expect((await client.get("/health")).status).toBe(503);
  expect((await client.get("/health/live")).status).toBe(200);
  expect(await (await client.get("/api/v1/tasks?limit=1000")).json()).toHaveLength(acknowledged.length + 1);
  for (const { task_id } of acknowledged) {
    expect((await client.get(`/api/v1/tasks/${task_id}`)).status).toBe(200);
  }

  limitFileSize(server.pid, null);
  for (const { task_id } of acknowledged) {
    expect(await client.final(task_id)).toMatchObject({ status: "completed", result: { text } });
  }
  expect(await client.final(running.task_id)).toMatchObject({ status: "completed", result: "let go" });
  expect(await client.submit({ func_name: "echo" })).toMatchObject({ status: "queued" });
});

test("a server that dies on a full disk has lost nothing when there is room again", async () => {
  await using folder = await temporaryFolder();
  const options = { tasksDir, dataDir: folder.path, keepData: true } as const;
  const killed = await startServer(options);
  using client = await connect(killed.url);
  const { acknowledged } = await fillDisk(killed, client);
  killed.signal("SIGKILL");
  await killed.exited;

  await using server = await startServer(options);
  using again = await connect(server.url);
  for (const { task_id } of acknowledged) {
    expect(await again.final(task_id)).toMatchObject({ status: "completed", result: { text } });
  }
  server.signal("SIGTERM");
  expect(await server.exited).toBe(0);
  using db = new Database(join(folder.path, "taskflow.db"), { readonly: true });
  expect(faultsIn(db, "always", "inOrderOfTime")).toEqual([]);
});
