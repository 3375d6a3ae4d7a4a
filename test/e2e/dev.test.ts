import { expect, setDefaultTimeout, test } from "bun:test";
import { appendFile, cp, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { connect } from "../support/client.ts";
import { launch, processes, temporaryFolder } from "../support/server.ts";
import { createGate } from "./gate.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

const root = resolve(import.meta.dir, "../..");

test("`bun run dev` starts anew when src changes, and leaves none of the earlier workers running", async () => {
  await using gate = createGate();
  gate.open();
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  for (const name of ["src", "package.json", "tsconfig.json"]) {
    await cp(join(root, name), join(folder, name), { recursive: true });
  }
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await using server = launch([process.execPath, ...packageJson.scripts.dev.split(" ").slice(1)], {
    cwd: folder,
    env: {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "",
      TMPDIR: folder,
      TASKFLOW_PORT: "0",
      TASKFLOW_TASKS_DIR: join(import.meta.dir, "tasks"),
      TASKFLOW_NUM_WORKERS: "1",
      TASKFLOW_LOG_FORMAT: "json",
      TASKFLOW_KILL_GRACE: "0.1",
      TASKFLOW_SHUTDOWN_GRACE: "0.2",
    },
  });
  const [, url = ""] = await server.printed(/"url":"([^"]+)".*"msg":"listening"/);
  using client = await connect(url);
  await client.submit({ func_name: "loops", kwargs: { url: gate.url } });
  const pid = Number((await gate.arrived()).get("pid"));

  await appendFile(join(folder, "src/system-clock.ts"), "\n");
  await gate.arrived(2);
  const survivors = processes((words) => words.some((word) => word.startsWith(`${folder}/src/runtime/`)));
  server.signal("SIGTERM");
  expect(await server.exited).toBe(0);
  if (survivors.includes(pid)) process.kill(pid, "SIGKILL");
  expect(survivors).not.toContain(pid);
  expect(survivors).toHaveLength(1);
});
