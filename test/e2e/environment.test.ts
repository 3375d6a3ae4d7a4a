import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../support/client.ts";
import { startServer } from "../support/server.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

const key = "0123456789abcdef-write";
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "taskflow-test-"));
  await cp(join(import.meta.dir, "tasks"), join(folder, "tasks"), { recursive: true });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function seenByHandler(url: string): Promise<unknown> {
  using client = await connect(url, key);
  const { task_id } = await client.submit({ func_name: "environment" });
  return (await client.final(task_id)).result;
}

test("a handler sees what every program needs, where the server is, and what it is promised by name", async () => {
  await using server = await startServer({
    tasksDir: join(import.meta.dir, "tasks"),
    env: {
      TASKFLOW_NUM_WORKERS: "1",
      TASKFLOW_API_KEYS: `ci:${key}`,
      TASKFLOW_HANDLER_ENV: "SMTP_URL,NOT_SET",
      SMTP_URL: "smtp://mail.example.com",
      AWS_SECRET_ACCESS_KEY: "hunter2",
      TZ: "Asia/Tokyo",
    },
  });
  const seen = await seenByHandler(server.url);
  expect(seen).toEqual({
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TZ: "Asia/Tokyo",
    TASKFLOW_URL: server.url,
    TASKFLOW_DATA_DIR: server.dataDir,
    SMTP_URL: "smtp://mail.example.com",
  });
});

test("the .env of the working directory configures the server, and no handler sees more of it than is named", async () => {
  await Bun.write(
    join(folder, ".env"),
    [
      `TASKFLOW_API_KEYS=ci:${key}`,
      "TASKFLOW_HANDLER_ENV=SMTP_FROM",
      "SMTP_FROM=taskflow@example.com",
      "STRIPE_KEY=hunter2",
    ].join("\n"),
  );
  await Bun.write(join(folder, "tasks/.env"), "LEFT_HERE=hunter2");
  await using server = await startServer({ cwd: folder });
  expect((await fetch(`${server.url}/api/v1/metrics`)).status).toBe(401);
  expect(await seenByHandler(server.url)).toEqual({
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TASKFLOW_URL: server.url,
    TASKFLOW_DATA_DIR: server.dataDir,
    SMTP_FROM: "taskflow@example.com",
  });
});
