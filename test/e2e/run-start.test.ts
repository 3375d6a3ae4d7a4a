import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { connect } from "../support/client.ts";
import { launch, temporaryFolder } from "../support/server.ts";
import { createGate } from "./gate.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

test("`bun run start` installs, starts, and at Ctrl-C lets what runs finish and exits with 0", async () => {
  await using folder = await temporaryFolder();
  await using gate = createGate();
  await using script = launch([process.execPath, "run", "start"], {
    detached: true,
    env: {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "",
      TASKFLOW_PORT: "0",
      TASKFLOW_DATABASE: `sqlite:${join(folder.path, "taskflow.db")}`,
      TASKFLOW_TASKS_DIR: join(import.meta.dir, "tasks"),
      TASKFLOW_NUM_WORKERS: "1",
      TASKFLOW_LOG_FORMAT: "json",
    },
  });
  const [, url = ""] = await script.printed(/"url":"([^"]+)".*"msg":"listening"/);
  using client = await connect(url);
  const { workers } = await (await client.get("/health")).json();
  const { task_id } = await client.submit({ func_name: "held", kwargs: { url: gate.url } });
  await gate.arrived();

  // As a terminal does: every process of the group gets the signal, and `bun run` may pass its own on as well.
  process.kill(-script.pid, "SIGINT");
  await script.printed(/"msg":"stopping/);
  const ended = client.final(task_id);
  gate.open();
  expect(await ended).toMatchObject({ status: "completed", result: "let go" });
  expect(await script.exited).toBe(0);
  expect(script.output.stdout).toContain('"msg":"stopped"');
  expect(script.output.stderr).toContain("bun install --frozen-lockfile");
  for (const { pid } of workers.pool) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});
