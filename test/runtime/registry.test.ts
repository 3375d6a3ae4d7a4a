import { describe, expect, test } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { shared, start, temporaryFolder } from "./harness.ts";

const basic = shared("basic");
const broken = shared("broken", { numWorkers: 0 });

describe("a handler that loads", () => {
  test("is known by what it declares, in the units of the server", async () => {
    const { catalog } = await basic();
    const handler = catalog.find("greet");
    expect(handler).toEqual({
      status: "ready",
      name: "greet",
      file: "greet.ts",
      generation: 1,
      description: "Greets",
      inputSchema: { type: "object", required: ["name"], properties: { name: { type: "string", default: "World" } } },
      bind: expect.any(Function),
      timeoutMs: 1_500,
      maxRetries: 7,
      priority: 1,
      backoff: { baseMs: 2_000, capMs: 3_600_000, jitter: 0 },
      schedules: [],
    });
    if (handler?.status !== "ready") throw new Error("greet did not load");
    expect(handler.bind(["Ada"], {})).toEqual({ ok: true, input: { name: "Ada" } });
  });

  test("leaves to the server what it does not declare", async () => {
    const { catalog } = await basic();
    expect(catalog.find("echo")).toMatchObject({
      description: null,
      inputSchema: null,
      timeoutMs: null,
      maxRetries: null,
      priority: null,
      backoff: { baseMs: 1_000, capMs: 3_600_000, jitter: 0.1 },
    });
  });

  test("is named after its path, and helpers are none", async () => {
    const { catalog } = await basic();
    const names = catalog.list().map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
    expect(names).toContain("nested");
    expect(names).toContain("nested:deep:common");
    expect(catalog.find("_words")).toBeNull();
    expect(catalog.find("words")).toBeNull();
  });

  test("never runs in the server's own process", async () => {
    const folder = await temporaryFolder();
    await Bun.write(join(folder, "marks.ts"), "globalThis.loadedHere = true;\nexport default () => process.pid;");
    const { result } = await start(folder);
    expect(await result("marks")).not.toBe(process.pid);
    expect(globalThis).not.toHaveProperty("loadedHere");
  });
});

describe("a file that is no handler", () => {
  test.each<[string, string, number | null, string | RegExp]>([
    ["syntax", "syntax.ts", 2, "Unexpected ;"],
    ["throws", "_fails.ts", 2, "TypeError: no database"],
    ["throws_null", "throws_null.ts", null, "NonErrorThrown: null"],
    ["missing_import", "missing_import.ts", 2, "Cannot find package 'no-such-package' imported from missing_import.ts"],
    ["missing_export", "missing_export.ts", 1, /Export named 'succeed' not found in module '_fails\.ts'/],
    ["no_default", "no_default.ts", null, /^no default export: write `export default defineTask\(/],
    [
      "number",
      "number.ts",
      null,
      /^the default export is number, neither a function nor a task: write `export default/,
    ],
    ["no_run", "no_run.ts", null, /^the default export has no function `run`: write `export default/],
    ["class", "class.ts", null, /^the default export is a class: write `export default/],
    ["getter", "getter.ts", 3, "Error: not yet"],
    ["unknown_option", "unknown_option.ts", null, "unknown option 'timeOut'. Did you mean 'timeout'?"],
    ["unknown_backoff", "unknown_backoff.ts", null, "unknown option 'backoff.bse'. Did you mean 'base'?"],
    ["unknown_function", "unknown_function.ts", null, "unknown option 'onError'."],
    ["wrong_timeout", "wrong_timeout.ts", null, "option 'timeout': expected number to be greater than 0, got -1"],
    ["wrong_number", "wrong_number.ts", null, `option 'maxRetries': expected integer, got "NaN"`],
    [
      "wrong_priority",
      "wrong_priority.ts",
      null,
      `option 'priority': must be 0 to 3, or critical, high, normal, low; the lowest number runs first, got "urgent"`,
    ],
    ["wrong_schema", "wrong_schema.ts", null, "option 'input': input must be an object schema, t.Object({ ... })"],
    ["wrong_pattern", "wrong_pattern.ts", null, "option 'input': Invalid regular expression: missing )"],
  ])("says why: %s", async (name, file, line, message) => {
    const { catalog } = await broken();
    const handler = catalog.find(name);
    const expected = typeof message === "string" ? message : expect.stringMatching(message);
    expect(handler).toMatchObject({ status: "load_error", name, file: `${name}.ts`, generation: 1 });
    if (handler?.status !== "load_error") throw new Error(`${name} loads`);
    expect(handler.error).toEqual({ file, line, column: line === null ? null : expect.any(Number), message: expected });
  });

  test("does not keep the others from loading", async () => {
    const { catalog } = await broken();
    expect(catalog.find("fine")?.status).toBe("ready");
    expect(catalog.find("notes")).toBeNull();
    expect(catalog.find("fine.test")).toBeNull();
  });

  test("and ends the process that loads it is found out, and the others load", async () => {
    const { catalog } = await broken();
    const error = "it ends the process: the worker exited with code 7";
    expect(catalog.find("exits")).toMatchObject({ status: "load_error", error: { file: "exits.ts", message: error } });
    expect(catalog.find("unknown_option")?.status).toBe("load_error");
  });
});

test("two files for one name are both reported, and neither loads", async () => {
  const { catalog, run } = await start("clash");
  const error = { message: "x.ts and x/index.ts both are handler x", line: null, column: null };
  const common = { status: "load_error", name: "x", generation: 1, serving: null };
  expect(catalog.list()).toEqual([
    { ...common, file: "x.ts", error: { ...error, file: "x.ts" } },
    { ...common, file: "x/index.ts", error: { ...error, file: "x/index.ts" } },
    expect.objectContaining({ status: "ready", name: "y" }),
  ]);
  expect(catalog.find("x")?.status).toBe("load_error");
  expect((await run("x")).outcome).toMatchObject({ errorKind: "load_error" });
});

test("a load that never ends is ended and marked, and the others load", async () => {
  const { catalog } = await start("slow_load", { numWorkers: 0, loadDeadlineMs: 1_500 });
  const message = "it did not load within 1.5s: does its top level wait, or loop?";
  const late = (file: string) => ({ file, line: null, column: null, message });
  expect(catalog.list()).toEqual([
    expect.objectContaining({ name: "a_fine", status: "ready" }),
    expect.objectContaining({ name: "b_loops", status: "load_error", error: late("b_loops.ts") }),
    expect.objectContaining({ name: "c_waits", status: "load_error", error: late("c_waits.ts") }),
    expect.objectContaining({ name: "d_fine", status: "ready" }),
  ]);
}, 20_000);

test("a load that takes more memory than a worker may have is ended and marked", async () => {
  const { catalog } = await start("hogs_at_load", { numWorkers: 0, workerMemoryMb: 200 });
  expect(catalog.find("hogs")).toMatchObject({
    status: "load_error",
    error: { message: expect.stringMatching(/^it takes too much memory to load: the worker used \d+ MB/) },
  });
});

test("a file is not blamed for what an earlier one left running", async () => {
  const { catalog } = await start("blames_the_next", { numWorkers: 0, handlerEnv: { EXIT_SOON: "1" } });
  expect(catalog.list().map(({ name, status }) => [name, status])).toEqual([
    ["a_exits_soon", "ready"],
    ["b_takes_its_time", "ready"],
  ]);
});

test("folders are followed through links, once", async () => {
  const folder = await temporaryFolder();
  const elsewhere = await temporaryFolder();
  await Bun.write(join(elsewhere, "task.ts"), "export default () => 'linked';");
  await mkdir(join(folder, "sub"));
  await symlink(elsewhere, join(folder, "mounted"));
  await symlink(join(elsewhere, "task.ts"), join(folder, "sub/alias.ts"));
  await symlink(folder, join(folder, "sub/round"));
  await symlink(join(folder, "nowhere"), join(folder, "dangling.ts"));
  const { catalog, result, warnings } = await start(folder);
  expect(catalog.list().map(({ name }) => name)).toEqual(["mounted:task", "sub:alias"]);
  expect(await result("mounted:task")).toBe("linked");
  expect(await result("sub:alias")).toBe("linked");
  expect(warnings).toHaveLength(1);
});

test("file names of any characters load, or say why not", async () => {
  const folder = await temporaryFolder();
  const names = ["a b", "a#b", "a%20b", "é", "[id]", "a:b"];
  for (const name of [...names, "a?b"]) await Bun.write(join(folder, `${name}.ts`), "export default () => 1;");
  const { catalog } = await start(folder, { numWorkers: 0 });
  for (const name of names) expect(catalog.find(name)?.status).toBe("ready");
  expect(catalog.find("a?b")).toMatchObject({
    error: { message: "its name has a '?' in it, which no import can reach: rename it" },
  });
});
