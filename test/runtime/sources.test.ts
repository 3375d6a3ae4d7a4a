import { beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../src/domain/log.ts";
import { Sources } from "../../src/runtime/sources.ts";
import { systemClock } from "../../src/system-clock.ts";
import { temporaryFolder } from "./harness.ts";

let folder: string;
let warnings: unknown[];
let log: Log;
let sources: Sources;

beforeEach(async () => {
  folder = await temporaryFolder();
  warnings = [];
  const silent = () => undefined;
  log = { debug: silent, info: silent, warn: (fields: object) => void warnings.push(fields), error: silent };
  sources = new Sources(folder, systemClock, log);
});

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const found = async () => [...(await sources.look()).sources.keys()];

describe("the sources", () => {
  test("are all code, and the other files that code imports", async () => {
    mkdirSync(join(folder, "sub/node_modules/p"), { recursive: true });
    write(
      "a.ts",
      'import data from "./data.json";\nimport text from "./sub/text.txt" with { type: "text" };\nlog(data, text);',
    );
    for (const name of ["data.json", "other.json", "notes.md", ".hidden.ts", "a.test.ts", "types.d.ts"])
      write(name, "1");
    for (const name of ["sub/text.txt", "sub/_helper.mts", "sub/node_modules/p/index.js"]) write(name, "1");
    const { sources: read, others } = await sources.look();
    expect([...read.keys()]).toEqual(["a.ts", "data.json", "sub/_helper.mts", "sub/text.txt"]);
    expect(others).toEqual([".hidden.ts", "a.test.ts", "notes.md", "other.json", "sub/node_modules", "types.d.ts"]);
  });

  test("are the same object while nothing has changed, touched files included", async () => {
    write("a.ts", "1");
    const before = await sources.look();
    expect(await sources.look()).toBe(before);
    utimesSync(join(folder, "a.ts"), 1, 1);
    expect(await sources.look()).toBe(before);
  });

  test.each<[string, () => void]>([
    ["an edit", () => write("a.ts", "2")],
    [
      "an edit that keeps the size and the time",
      () => {
        write("a.ts", "2");
        utimesSync(join(folder, "a.ts"), 1, 1);
      },
    ],
    [
      "an atomic save",
      () => {
        write(".tmp", "2");
        renameSync(join(folder, ".tmp"), join(folder, "a.ts"));
      },
    ],
    ["a new file", () => write("b.ts", "1")],
    ["a file that is gone", () => rmSync(join(folder, "a.ts"))],
    [
      "a link that leads elsewhere",
      () => {
        write(".other", "2");
        rmSync(join(folder, "a.ts"));
        symlinkSync(join(folder, ".other"), join(folder, "a.ts"));
      },
    ],
  ])("are others after %s", async (_, change) => {
    write("a.ts", "1");
    utimesSync(join(folder, "a.ts"), 1, 1);
    const before = await sources.look();
    change();
    expect((await sources.look()).sources).not.toBe(before.sources);
  });

  test("stay the same when only assets come and go", async () => {
    write("a.ts", "1");
    const before = await sources.look();
    write("output.csv", "1");
    const after = await sources.look();
    expect(after).not.toBe(before);
    expect(after.sources).toBe(before.sources);
  });

  test("tell of packages that come, in the folder and above it", async () => {
    write("a.ts", "1");
    const before = await sources.look();
    mkdirSync(join(folder, "node_modules"));
    const inside = await sources.look();
    mkdirSync(join(folder, "node_modules/p"));
    const more = await sources.look();
    const above = new Sources(join(folder, "sub/tasks"), systemClock, log);
    const lower = await above.look();
    mkdirSync(join(folder, "node_modules/q"));
    expect(new Set([before, inside, more].map(({ resolution }) => resolution)).size).toBe(3);
    expect((await above.look()).resolution).not.toBe(lower.resolution);
  });

  test("are found once their folder is there, and its absence is told once", async () => {
    rmSync(folder, { recursive: true });
    expect(await found()).toEqual([]);
    expect(await found()).toEqual([]);
    expect(warnings).toEqual([expect.objectContaining({ path: folder })]);
    mkdirSync(folder);
    write("a.ts", "1");
    expect(await found()).toEqual(["a.ts"]);
    expect(readFileSync(join(folder, "a.ts"), "utf8")).toBe("1");
  });
});
