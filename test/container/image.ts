import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmod, cp, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { connect } from "../support/client.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/server.ts";
import { type ContainerEngine, findEngine, run } from "./engine.ts";
import { type ContainerServer, startContainer } from "./server.ts";

/** `bun run image-test`: builds the image and tries it for real. No part of the suite, as it needs a container engine. */

setDefaultTimeout(60_000);

const volume = `taskflow-image-test-${crypto.randomUUID()}`;
const root = resolve(import.meta.dir, "../..");
/** As few rights as `docker run` can give. */
const confined = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--security-opt", "no-new-privileges"];
const small = ["--memory", "256m"];

let engine: ContainerEngine;
let folder: TemporaryFolder;
/** By its id: someone else may be building another under the same name. */
let image: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  engine = await findEngine(folder.path);
  await build();
  await fillTasksFolder();
}, 900_000);

afterAll(async () => {
  await folder?.[Symbol.asyncDispose]();
});

async function build(): Promise<void> {
  const idFile = join(folder.path, "image");
  // A name keeps the layers for the next time.
  const named = ["--tag", "taskflow:image-test", "--iidfile", idFile];
  await run(engine, "build", ...engine.buildOptions, ...named, root);
  image = (await Bun.file(idFile).text()).trim();
}

/** Handlers as someone mounts them, with a package of their own. */
async function fillTasksFolder(): Promise<void> {
  const shouter = join(folder.path, "node_modules/shouter");
  await mkdir(shouter, { recursive: true });
  await cp(join(import.meta.dir, "tasks"), folder.path, { recursive: true });
  await Bun.write(join(shouter, "package.json"), '{"name": "shouter", "version": "1.0.0", "main": "shout.js"}');
  await Bun.write(join(shouter, "shout.js"), "module.exports = (text) => text.toUpperCase();");
  await Bun.write(join(folder.path, "shout.ts"), shoutTask("!"));
  // The server is another user there.
  await chmod(folder.path, 0o755);
}

function shoutTask(mark: string): string {
  return `import { defineTask, t } from "taskflow";
    import shout from "shouter";
    export default defineTask({
      input: t.Object({ text: t.String() }),
      run: ({ text }) => shout(text) + ${JSON.stringify(mark)},
    });`;
}

function start(...options: readonly string[]): Promise<ContainerServer> {
  return startContainer(engine, { image, options });
}

const mounted = () => ["--volume", `${folder.path}:/app/tasks:ro`];

async function imageTells(template: string): Promise<string> {
  return (await run(engine, "image", "inspect", "--format", template, image)).stdout.trim();
}

describe("the image", () => {
  test("is smaller than 250 MB", async () => {
    expect(Number(await imageTells("{{.Size}}"))).toBeLessThan(250_000_000);
  });

  test("runs as bun, and keeps its data on a volume", async () => {
    expect(await imageTells("{{.Config.User}} {{json .Config.Volumes}}")).toBe('bun {"/data":{}}');
  });

  test("holds what runs and no more", async () => {
    const { stdout } = await run(engine, "run", "--rm", image, "ls", "-A", "/app", "/app/container");
    const names = ["container", "LICENSE", "node_modules", "package.json", "src", "tasks", "tsconfig.json"];
    expect(stdout.split("\n").filter(Boolean).toSorted()).toEqual(
      ["/app/container:", "/app:", "healthcheck.ts", ...names].toSorted(),
    );
  });
});

describe("a container that was told nothing", () => {
  let server: ContainerServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test("runs the handlers that ship for whoever has the key that it printed", async () => {
    using client = await connect(server.url, server.key);
    const { task_id } = await client.submit({ func_name: "add_numbers", args: [5, 3] });
    expect(await client.final(task_id)).toMatchObject({ status: "completed", result: 8 });
    expect((await fetch(`${server.url}/api/v1/tasks`)).status).toBe(401);
    const handlers = await (await client.get("/api/v1/handlers")).json();
    expect(handlers.length).toBeGreaterThan(10);
    expect(handlers.filter(({ status }: { status: string }) => status !== "ready")).toEqual([]);
  });

  test("serves the documentation with all that its pages load", async () => {
    const authorization = `Bearer ${server.key}`;
    for (const page of ["/docs", "/redoc"]) {
      const html = await (await fetch(`${server.url}${page}`, { headers: { authorization } })).text();
      const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = ""]) => path);
      expect(loaded.length).toBeGreaterThan(1);
      for (const path of loaded) {
        const answer = await fetch(new URL(path, `${server.url}${page}`), { headers: { authorization } });
        expect({ path, status: answer.status }).toEqual({ path, status: 200 });
        expect((await answer.bytes()).length).toBeGreaterThan(0);
      }
    }
  });

  test("is healthy by the check that the image declares, and is not where nothing answers", async () => {
    const [kind, ...check] = JSON.parse(await imageTells("{{json .Config.Healthcheck.Test}}"));
    expect(kind).toBe("CMD");
    await server.exec("env", `TASKFLOW_PORT=${new URL(server.url).port}`, ...check);
    await expect(server.exec("env", "TASKFLOW_PORT=1", ...check)).rejects.toThrow("exited with 1");
  });
});

describe("a container with as few rights as can be, 256 MB and a mounted tasks folder", () => {
  let server: ContainerServer;
  beforeAll(async () => {
    server = await start(...confined, ...small, ...mounted());
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test("has none but its user's rights", async () => {
    const { stdout: status } = await server.exec("cat", "/proc/1/status");
    expect(status).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    await expect(server.exec("touch", "/app/new")).rejects.toThrow("Read-only file system");
  });

  test("runs a handler that imports taskflow and a package of the folder's own", async () => {
    using client = await connect(server.url, server.key);
    const { task_id } = await client.submit({ func_name: "shout", args: ["hello"] });
    expect(await client.final(task_id)).toMatchObject({ status: "completed", result: "HELLO!" });
    const refused = await client.post("/api/v1/tasks", { func_name: "shout", kwargs: { text: 1 } });
    expect(refused.status).toBe(422);
  });

  test("takes up a change of a mounted file", async () => {
    using client = await connect(server.url, server.key);
    const generation = async () => (await (await client.get("/api/v1/handlers/shout")).json()).generation;
    const before = await generation();
    await Bun.write(join(folder.path, "shout.ts"), shoutTask("?"));
    // Nothing is sent when a handler changes.
    while ((await generation()) === before) await Bun.sleep(50);
    const { task_id } = await client.submit({ func_name: "shout", args: ["hello"] });
    expect(await client.final(task_id)).toMatchObject({ result: "HELLO?" });
  });

  test("buries the processes that handlers leave behind", async () => {
    using client = await connect(server.url, server.key);
    const { task_id } = await client.submit({ func_name: "leaves_orphans", timeout: 5, max_retries: 0 });
    expect(await client.final(task_id)).toMatchObject({ status: "completed", result: 3 });
  });

  test("keeps four workers busy within its memory", async () => {
    using client = await connect(server.url, server.key);
    const limit = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    // The one that the system does not have is an error, but not of this test.
    const { stdout } = await server.exec("sh", "-c", `cat ${limit.join(" ")} 2>/dev/null || true`);
    expect(stdout.trim()).toBe(String(256 * 2 ** 20));
    const tasks = Array.from({ length: 8 }, () => ({ func_name: "fills_memory", kwargs: { megabytes: 10 } }));
    const made = await (await client.post("/api/v1/tasks/batch", { tasks })).json();
    const workers = new Set<number>();
    for (const { task_id } of made.tasks) {
      expect(await client.final(task_id)).toMatchObject({ status: "completed" });
      const attempts = await (await client.get(`/api/v1/tasks/${task_id}/attempts`)).json();
      expect(attempts).toMatchObject([{ outcome: "completed" }]);
      workers.add(attempts[0].worker);
    }
    expect(workers.size).toBe(4);
  });

  test("outlives a handler that takes more memory than there is", async () => {
    using client = await connect(server.url, server.key);
    const greedy = { func_name: "fills_memory", kwargs: { megabytes: 400 }, max_retries: 0 };
    const { task_id } = await client.submit(greedy);
    expect(await client.final(task_id)).toMatchObject({ status: "failed", error_kind: "crashed" });
    const { task_id: next } = await client.submit({ func_name: "shout", args: ["on"] });
    expect(await client.final(next)).toMatchObject({ status: "completed" });
  });
});

describe("data on a volume", () => {
  const onVolume = () => ["--volume", `${volume}:/data`, ...confined, ...mounted()];
  afterAll(async () => void (await run(engine, "volume", "rm", "--force", volume)));

  test("outlives the container; a stop with a task in flight ends well, and the task runs in the next one", async () => {
    const ids = { done: "", held: "" };
    {
      await using server = await start(...onVolume());
      using client = await connect(server.url, server.key);
      ids.done = (await client.submit({ func_name: "shout", args: ["kept"] })).task_id;
      await client.final(ids.done);
      ids.held = (await client.submit({ func_name: "holds_once" })).task_id;
      await client.event(ids.held, ({ type }) => type === "task_log");
      await server.stop();
      expect(await server.inspect("{{.State.ExitCode}}")).toBe("0");
    }
    await using server = await start(...onVolume());
    using client = await connect(server.url, server.key);
    expect(await client.final(ids.held)).toMatchObject({ status: "completed", result: "run again" });
    const kept = await (await client.get(`/api/v1/tasks/${ids.done}`)).json();
    expect(kept).toMatchObject({ status: "completed", result: expect.stringMatching(/^KEPT/) });
    const attempts = await (await client.get(`/api/v1/tasks/${ids.held}/attempts`)).json();
    expect(attempts).toMatchObject([{ outcome: "interrupted" }, { outcome: "completed" }]);
  });

  test("is backed up while the server works, and restored as the README says", async () => {
    let before = "";
    let after = "";
    {
      await using server = await start(...onVolume());
      using client = await connect(server.url, server.key);
      before = (await client.submit({ func_name: "shout", args: ["before"] })).task_id;
      await client.final(before);
      await server.exec("mkdir", "/data/backups");
      expect((await server.exec("bun", "src/cli/main.ts", "backup", "/data/backups/monday.db")).stdout).toContain(
        "checked",
      );
      after = (await client.submit({ func_name: "shout", args: ["after"] })).task_id;
      await client.final(after);
      await server.stop();
    }
    const restore = "cd /data && cp backups/monday.db new.db && rm -f taskflow.db* && mv new.db taskflow.db";
    expect(await Bun.file(join(root, "README.md")).text()).toContain(`'${restore}'`);
    await run(engine, "run", "--rm", "--volume", `${volume}:/data`, image, "sh", "-c", restore);
    await using server = await start(...onVolume());
    using client = await connect(server.url, server.key);
    expect((await client.get(`/api/v1/tasks/${before}`)).status).toBe(200);
    expect((await client.get(`/api/v1/tasks/${after}`)).status).toBe(404);
  });
});
