import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { lstat, mkdir, readdir, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "../support/client.ts";
import { faultsIn } from "../support/invariants.ts";
import { launch, startServer, temporaryFolder } from "../support/server.ts";
import { createGate } from "./gate.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

const tasksDir = join(import.meta.dir, "tasks");

/** Runs `bun run backup`; resolves with its exit code and what it said. */
async function backup(database: string, ...given: readonly string[]) {
  const command = [process.execPath, "--no-env-file", "src/cli/main.ts", "backup", ...given];
  await using child = launch(command, { env: { PATH: process.env.PATH ?? "", TASKFLOW_DATABASE: database } });
  return { exitCode: await child.exited, ...child.output };
}

test("a backup of a server at work restores to a server that works, with everything that was acknowledged", async () => {
  await using gate = createGate();
  await using folder = await temporaryFolder();
  await using server = await startServer({ tasksDir, env: { TASKFLOW_NUM_WORKERS: "1" } });
  using client = await connect(server.url);
  const done = await client.submit({ func_name: "echo", kwargs: { n: 1 } });
  await client.final(done.task_id);
  const running = await client.submit({ func_name: "held", kwargs: { url: gate.url } });
  await gate.arrived();
  const queued = await client.submit({ func_name: "echo", kwargs: { n: 2 } });
  const later = await client.submit({ func_name: "echo", kwargs: { n: 3 }, delay: 1 });
  let isOver = false;
  const others = (async () => {
    while (!isOver) await client.submit({ func_name: "echo", priority: "low" });
  })();

  const file = join(folder.path, "restored", "taskflow.db");
  await mkdir(join(folder.path, "restored"));
  const said = await backup(`sqlite:${join(server.dataDir, "taskflow.db")}`, file);
  isOver = true;
  await others;
  expect(said).toMatchObject({ exitCode: 0, stderr: "" });
  expect(said.stdout).toMatch(/taskflow\.db: \d+ tasks, [\d.]+ MB, checked/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder.path, "restored"))).toEqual(["taskflow.db"]);

  gate.open();
  const restored = await startServer({ tasksDir, dataDir: join(folder.path, "restored"), keepData: true });
  using again = await connect(restored.url);
  for (const [task, result] of [
    [done, { n: 1 }],
    [queued, { n: 2 }],
    [later, { n: 3 }],
    [running, "let go"],
  ] as const) {
    expect(await again.final(task.task_id)).toMatchObject({ status: "completed", result });
  }
  const attempts = await (await again.get(`/api/v1/tasks/${running.task_id}/attempts`)).json();
  expect(attempts).toMatchObject([{ outcome: "interrupted" }, { outcome: "completed" }]);
  restored.signal("SIGTERM");
  expect(await restored.exited).toBe(0);
  using db = new Database(file, { readonly: true });
  expect(faultsIn(db, "always", "inOrderOfTime")).toEqual([]);
});

test("what the shipped database_backup handler makes restores to a server that works", async () => {
  await using server = await startServer();
  using client = await connect(server.url);
  const task = await client.submit({ func_name: "add_numbers", args: [5, 3], delay: 1 });
  const { task_id } = await client.submit({ func_name: "database_backup" });
  const { status, result } = await client.final(task_id);
  expect(status).toBe("completed");
  const { path } = Object(result);

  await using folder = await temporaryFolder();
  await Bun.write(join(folder.path, "taskflow.db"), Bun.file(join(server.dataDir, String(path))));
  await using restored = await startServer({ dataDir: folder.path, keepData: true });
  using again = await connect(restored.url);
  expect(await again.final(task.task_id)).toMatchObject({ status: "completed", result: 8 });
  // It was made by an attempt that ran, and so ran again.
  expect(await again.final(task_id)).toMatchObject({ status: "completed" });
});

test("a name that something else has taken since it was looked at is not overwritten either", async () => {
  await using folder = await temporaryFolder();
  await using server = await startServer({ env: { TASKFLOW_NUM_WORKERS: "0" } });
  // A look follows the link and finds nothing there.
  const link = join(folder.path, "link.db");
  await symlink(join(folder.path, "nothing"), link);
  const { exitCode, stderr } = await backup(`sqlite:${join(server.dataDir, "taskflow.db")}`, link);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`${link} is there already`);
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readdir(folder.path)).toEqual(["link.db"]);
});

test("it overwrites nothing, leaves nothing half done behind, and says what is wrong", async () => {
  await using folder = await temporaryFolder();
  const inside = (name: string) => join(folder.path, name);
  await Bun.write(inside("taken.db"), "mine");
  await Bun.write(inside("text.db"), "no database, and long enough to tell ".repeat(30));
  const other = new Database(inside("other.db"));
  other.run("CREATE TABLE people (name TEXT)");
  other.close();
  const before = await readdir(folder.path);

  const says = async (database: string, ...given: readonly string[]) => {
    const { exitCode, stdout, stderr } = await backup(database, ...given);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    return stderr;
  };
  const foreignOne = `sqlite:${inside("other.db")}`;
  const [taken, missing, foreign, text, noFolder, memory] = await Promise.all([
    says(foreignOne, inside("taken.db")),
    says(`sqlite:${inside("gone.db")}`, inside("copy1.db")),
    says(foreignOne, inside("copy2.db")),
    says(`sqlite:${inside("text.db")}`, inside("copy3.db")),
    says(foreignOne, inside("nowhere/copy4.db")),
    says("sqlite::memory:", inside("copy5.db")),
  ]);
  expect(taken).toContain(`${inside("taken.db")} is there already: a backup overwrites nothing`);
  expect(missing).toContain(`There is no database at ${inside("gone.db")}`);
  expect(foreign).toContain(`${inside("other.db")} is no database of this version of TaskFlow`);
  expect(text).toContain(`${inside("text.db")} is not a SQLite database`);
  expect(noFolder).toContain(`There is no folder ${inside("nowhere")}`);
  expect(memory).toContain("TASKFLOW_DATABASE is in memory");
  expect(await Bun.file(inside("taken.db")).text()).toBe("mine");
  expect(await readdir(folder.path)).toEqual(before);
});
