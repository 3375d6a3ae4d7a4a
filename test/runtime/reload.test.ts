import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Registry } from "../../src/runtime/registry.ts";
import type { RuntimeOptions } from "../../src/runtime/runtime.ts";
import { systemClock } from "../../src/system-clock.ts";
import { completed, isAlive, start, temporaryFolder, workerOf } from "./harness.ts";

/** A runtime over a folder of these files that takes changes over. */
async function startOver(files: Readonly<Record<string, string>>, options: Partial<RuntimeOptions> = {}) {
  const folder = await temporaryFolder();
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  const told: { fields: object; message: string }[] = [];
  const waiting = new Set<() => void>();
  const tell = (fields: object, message: string) => {
    told.push({ fields, message });
    for (const look of waiting) look();
  };
  const log = { debug: tell, info: tell, warn: tell, error: tell };
  const harness = await start(folder, { watch: "auto", log, ...options });

  /** Resolves with the first log line from `from` on that begins so. */
  function line(beginning: string, from = 0): Promise<object> {
    return new Promise((resolve) => {
      const look = () => {
        const hit = told.slice(from).find(({ message }) => message.startsWith(beginning));
        if (hit === undefined) return;
        waiting.delete(look);
        resolve(hit.fields);
      };
      waiting.add(look);
      look();
    });
  }

  /** Does something; resolves when the log has a line that begins so. */
  async function after(act: () => void, beginning = "handlers changed"): Promise<object> {
    const from = told.length;
    act();
    return line(beginning, from);
  }

  await harness.until(() => harness.runner.free() === harness.runner.slots);
  return { ...harness, folder, write, line, after };
}

const returns = (value: unknown) => `export default () => ${JSON.stringify(value)};\n`;
const holds =
  "export default (input, ctx) => new Promise((resolve) => { ctx.log.info('on'); ctx.signal.onabort = () => resolve('old'); });";

test("an attempt under way ends on its own code, whose worker goes then; the next one runs on the new", async () => {
  const { write, after, begin, result, runner, until, catalog } = await startOver({ "a.ts": holds });
  const old = await begin("a");
  await old.logged;
  const pid = workerOf({ runner }, old.attempt.worker).pid;
  await after(() => write("a.ts", returns("new")));
  expect(catalog.find("a")?.generation).toBe(2);
  expect(runner.workers()).toMatchObject([
    { id: "w1", state: "retiring", generation: 1, tasks: ["task"] },
    { id: "w2", state: "idle", generation: 2 },
  ]);
  expect(runner.free()).toBe(0);
  old.attempt.abort("cancelled");
  expect((await old.ended).outcome).toEqual(completed("old"));
  expect(await result("a")).toBe("new");
  await until(() => runner.workers().length === 1);
  expect(isAlive(pid)).toBe(false);
});

test("what is free before the change is free after it, and no attempt finds itself without a worker between", async () => {
  const { write, after, runner, catalog } = await startOver({ "a.ts": returns(1) }, { numWorkers: 3 });
  const free: number[] = [];
  const generations = new Set<number>();
  runner.onFree(() => {
    free.push(runner.free());
    generations.add(catalog.generation);
  });
  await after(() => write("a.ts", returns(2)));
  expect([...generations]).toContain(2);
  expect(Math.min(...free)).toBe(3);
  expect(runner.workers().filter(({ state }) => state === "idle")).toHaveLength(3);
});

test("until all the new workers are ready every attempt runs on the old code", async () => {
  let loads = 0;
  const held = Promise.withResolvers<void>();
  const waits = Promise.withResolvers<void>();
  const gate = Bun.serve({
    port: 0,
    async fetch() {
      loads += 1;
      // The server's own look comes first, then the two workers.
      if (loads < 3) return new Response();
      waits.resolve();
      await held.promise;
      return new Response();
    },
  });
  const files = { "a.ts": returns("old"), "holds.ts": holds };
  const { write, after, begin, result, runner, catalog } = await startOver(files, { numWorkers: 2, concurrency: 2 });
  // So that the new ones are less busy than those that serve.
  const running = [await begin("holds"), await begin("holds")];
  const oneIsReady = after(() => undefined, "worker ready");
  const changed = after(() => write("a.ts", `await fetch("${gate.url}");\n${returns("new")}`));
  await Promise.all([waits.promise, oneIsReady]);
  expect([runner.free(), catalog.generation]).toEqual([2, 1]);
  expect([await result("a"), await result("a"), await result("a")]).toEqual(["old", "old", "old"]);
  held.resolve();
  await changed;
  expect([catalog.generation, await result("a")]).toEqual([2, "new"]);
  for (const { attempt } of running) attempt.abort("cancelled");
  await gate.stop(true);
});

test("a worker that starts while the file is broken, or was changed unnoticed, loads the version that serves", async () => {
  const { write, after, result, runner } = await startOver({ "a.ts": returns("good"), "b.ts": returns("b") });
  await after(() => write("a.ts", "export default ("));
  const [broken] = runner.workers().filter(({ state }) => state === "idle");
  await after(() => process.kill(broken?.pid ?? 0, "SIGKILL"), "worker ready");
  expect([await result("a"), await result("b")]).toEqual(["good", "b"]);

  const off = await startOver({ "a.ts": returns("good") }, { watch: "off" });
  off.write("a.ts", returns("unnoticed"));
  await off.after(() => process.kill(off.runner.workers()[0]?.pid ?? 0, "SIGKILL"), "worker ready");
  expect(await off.result("a")).toBe("good");
});

test("when no worker comes up with the new code those before go on, and the next change is taken over", async () => {
  const counter = join(await temporaryFolder(), "counter");
  // It loads once, for the server to see, and then ends each process that loads it.
  const fatal = `import { existsSync, writeFileSync } from "node:fs";
if (existsSync(process.env.COUNTER)) process.exit(9);
writeFileSync(process.env.COUNTER, "");
export default () => "fatal";
`;
  const options = { numWorkers: 2, handlerEnv: { COUNTER: counter } };
  const { write, after, result, runner, catalog } = await startOver({ "a.ts": returns("good") }, options);
  await after(() => write("a.ts", fatal), "no worker came up with the changed handlers");
  expect([catalog.generation, runner.fault(), runner.free()]).toEqual([1, null, 2]);
  expect(await result("a")).toBe("good");
  await after(() => write("a.ts", returns("mended")));
  expect(await result("a")).toBe("mended");
});

test("a state for which no worker came up is tried again after a while, not at once", async () => {
  const tasksDir = await temporaryFolder();
  writeFileSync(join(tasksDir, "a.ts"), returns(1));
  let now = 0;
  const silent = () => undefined;
  const registry = new Registry({
    tasksDir,
    scratchDir: await temporaryFolder(),
    env: {},
    cgroups: null,
    clock: { ...systemClock, now: () => now },
    log: { debug: silent, info: silent, warn: silent, error: silent },
    loadDeadlineMs: 10_000,
    memoryBytes: 2 ** 30,
  });
  await registry.load();
  let tries = 0;
  const replace = () => {
    tries += 1;
    return Promise.resolve(false);
  };
  registry.serve({ replace, trees: () => new Set() }, {}, () => undefined);
  writeFileSync(join(tasksDir, "a.ts"), returns(2));
  await registry.refresh();
  await registry.refresh();
  expect(tries).toBe(1);
  now = 5_000;
  await registry.refresh();
  expect(tries).toBe(2);
  writeFileSync(join(tasksDir, "a.ts"), returns(3));
  await registry.refresh();
  expect([tries, registry.catalog.generation]).toEqual([3, 1]);
});

test("a load that never ends is given up at its deadline, and the other changes are taken over", async () => {
  const { write, after, result, catalog } = await startOver(
    { "a.ts": returns("a"), "b.ts": returns("b") },
    { loadDeadlineMs: 1_500 },
  );
  await after(() => {
    write("a.ts", "await new Promise(() => undefined);");
    write("b.ts", returns("new"));
  });
  expect(catalog.find("a")).toMatchObject({
    status: "load_error",
    error: { message: "it did not load within 1.5s: does its top level wait, or loop?" },
    serving: { status: "ready", generation: 1 },
  });
  expect([await result("a"), await result("b")]).toEqual(["a", "new"]);
}, 20_000);

test("without workers changes are known all the same", async () => {
  const { write, after, catalog } = await startOver({ "a.ts": returns(1) }, { numWorkers: 0 });
  expect(await after(() => write("b.ts", returns(2)))).toEqual({ generation: 2, added: ["b"] });
  expect(catalog.list().map(({ name }) => name)).toEqual(["a", "b"]);
});

test("the catalog says of each name when it last changed, also when it is gone", async () => {
  const { folder, write, after, catalog } = await startOver(
    { "a.ts": returns(1), "b.ts": returns(1) },
    { numWorkers: 0 },
  );
  await after(() => write("a.ts", returns(2)));
  await after(() => rmSync(join(folder, "b.ts")));
  await after(() => write("c.ts", "export default ("));
  expect(["a", "b", "c", "never"].map(catalog.changedIn)).toEqual([2, 3, 4, 0]);
});

test("copies of the code stay while a worker may import from them, and no longer", async () => {
  const late = `export default async (input, ctx) => {
  ctx.log.info("on");
  await new Promise((resolve) => { ctx.signal.onabort = resolve; });
  return (await import("./_late.ts")).late;
};`;
  const { write, after, begin, runner, folder } = await startOver({
    "a.ts": late,
    "_late.ts": 'export const late = "old";',
  });
  const old = await begin("a");
  await old.logged;
  const cwd = readlinkSync(`/proc/${workerOf({ runner }, old.attempt.worker).pid}/cwd`);
  const copies = () => {
    const beside = join(dirname(cwd), "code", dirname(folder));
    return readdirSync(beside)
      .filter((name) => /@\d+$/.test(name))
      .toSorted();
  };
  const only = async (...trees: number[]) => {
    const names = trees.map((tree) => `${basename(folder)}@${tree}`);
    while (copies().join() !== names.join()) await new Promise((resolve) => setImmediate(resolve));
  };
  await after(() => write("_late.ts", 'export const late = "new";'));
  await after(() => write("_late.ts", 'export const late = "newest";'));
  await only(1, 3);
  old.attempt.abort("cancelled");
  expect((await old.ended).outcome).toEqual(completed("old"));
  await only(3);
});

test("a stop while a change is loaded waits for nothing and leaves nothing", async () => {
  const { write, stop, runner, folder } = await startOver({ "a.ts": returns(1) });
  const connected = Promise.withResolvers<void>();
  const listener = Bun.serve({
    port: 0,
    fetch() {
      connected.resolve();
      return new Response();
    },
  });
  const cwd = readlinkSync(`/proc/${runner.workers()[0]?.pid}/cwd`);
  write("a.ts", `await fetch("${listener.url}"); for (;;);`);
  await connected.promise;
  await stop();
  await listener.stop(true);
  expect(existsSync(dirname(cwd))).toBe(false);
  expect(existsSync(folder)).toBe(true);
});
