import { beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Sources } from "../../src/runtime/sources.ts";
import { Trees } from "../../src/runtime/trees.ts";
import { withoutTree } from "../../src/runtime/worker-paths.ts";
import { systemClock } from "../../src/system-clock.ts";
import { start, temporaryFolder } from "./harness.ts";

const warnings: object[] = [];
const silent = () => undefined;
const log = { debug: silent, info: silent, warn: (fields: object) => void warnings.push(fields), error: silent };

let project: string;
let tasksDir: string;
let sources: Sources;
let trees: Trees;

beforeEach(async () => {
  project = realpathSync(await temporaryFolder());
  tasksDir = join(project, "tasks");
  warnings.length = 0;
  sources = new Sources(tasksDir, systemClock, log);
  trees = new Trees(tasksDir, realpathSync(await temporaryFolder()), log);
});

function write(name: string, text: string): void {
  const path = join(project, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const read = (tree: number, name: string) => readFileSync(join(`${trees.prefix}${tree}`, name), "utf8");

describe("a copy of the tasks folder", () => {
  test("stays what it was when the files change and go", async () => {
    write("tasks/sub/a.ts", "one");
    const tree = await trees.write(await sources.look());
    write("tasks/sub/a.ts", "two");
    const next = await trees.write(await sources.look());
    expect([read(tree, "sub/a.ts"), read(next, "sub/a.ts")]).toEqual(["one", "two"]);
  });

  test("has the other files by links, those that come later too", async () => {
    write("tasks/a.ts", "");
    write("tasks/assets/deep/page.html", "page");
    const tree = await trees.write(await sources.look());
    expect(read(tree, "assets/deep/page.html")).toBe("page");
    write("tasks/assets/deep/page.html", "another");
    write("tasks/assets/late.txt", "late");
    write("tasks/.env", "late, too");
    await trees.link(await sources.look());
    expect(read(tree, "assets/deep/page.html")).toBe("another");
    expect([read(tree, "assets/late.txt"), read(tree, ".env")]).toEqual(["late", "late, too"]);
    expect(warnings).toEqual([]);
  });

  test("loses the links of files that are gone, but nothing that was copied", async () => {
    write("tasks/a.ts", 'import "./data.json";');
    write("tasks/data.json", "1");
    write("tasks/notes.md", "notes");
    const tree = await trees.write(await sources.look());
    write("tasks/a.ts", "");
    await trees.link(await sources.look());
    for (const name of ["data.json", "notes.md"]) rmSync(join(tasksDir, name));
    await trees.link(await sources.look());
    const left = readdirSync(`${trees.prefix}${tree}`);
    expect(left.toSorted()).toEqual(["a.ts", "data.json"]);
  });

  test("goes when nobody uses it, and leaves what it linked to", async () => {
    write("tasks/a.ts", "");
    write("tasks/node_modules/p/index.js", "package");
    write("lib/l.ts", "lib");
    const first = await trees.write(await sources.look());
    const second = await trees.write(await sources.look());
    await trees.keepOnly(new Set([second]));
    expect([existsSync(`${trees.prefix}${first}`), existsSync(`${trees.prefix}${second}`)]).toEqual([false, true]);
    await trees.keepOnly(new Set());
    expect(existsSync(`${trees.prefix}${second}`)).toBe(false);
    expect(readFileSync(join(project, "tasks/node_modules/p/index.js"), "utf8")).toBe("package");
    expect(readFileSync(join(project, "lib/l.ts"), "utf8")).toBe("lib");
  });
});

test("code in a copy imports what it would from its own place", async () => {
  write(
    "tasks/sub/a.ts",
    `import { helper } from "./_helper";
import { lib } from "../../lib/lib.ts";
import inner from "inner";
import outer from "outer";
import { alias } from "@/alias";
import { PermanentError } from "taskflow";
import data from "./data.json";
export default async () => {
  const { late } = await import("./_late.js");
  const page = await Bun.file(import.meta.dir + "/../page.html").text();
  return [helper, lib, inner, outer, alias, PermanentError.name, data, late, require("./_old.cjs"), page];
};
`,
  );
  write("tasks/sub/_helper.ts", 'export const helper: string = "helper";');
  write("tasks/sub/_late.ts", 'export const late: string = "late";');
  write("tasks/sub/_old.cjs", 'module.exports = "old";');
  write("tasks/sub/data.json", '"data"');
  write("tasks/page.html", "page");
  write("tasks/node_modules/inner/index.js", 'module.exports = "inner";');
  write("node_modules/outer/index.js", 'module.exports = "outer";');
  write("lib/lib.ts", 'export const lib: string = "lib";');
  write("lib/alias.ts", 'export const alias: string = "alias";');
  write("tsconfig.json", '{ "compilerOptions": { "paths": { "@/*": ["./lib/*"] } } }');
  const { result } = await start(tasksDir);
  const expected = ["helper", "lib", "inner", "outer", "alias", "PermanentError", "data", "late", "old", "page"];
  expect(await result("sub:a")).toEqual(expected);
});

test("imports that leave the folder are found among any number of files beside it", async () => {
  for (let n = 0; n < 600; n++) write(`beside${n}.txt`, "");
  write("lib/l.ts", 'export const lib = "lib";');
  write("plain.ts", 'export const plain = "plain";');
  write("node_modules/p/index.js", 'module.exports = "package";');
  const imports = 'import { lib } from "../lib/l.ts";\nimport { plain } from "../plain";\nimport p from "p";\n';
  write("tasks/a.ts", `${imports}export default () => [lib, plain, p];`);
  const { result } = await start(tasksDir);
  expect(await result("a")).toEqual(["lib", "plain", "package"]);
});

test("paths in a copy are told relative to the tasks folder, others as they are", () => {
  const text = "at a (/tmp/x/tasks@12/sub/a.ts:1:2)\nat /tmp/x/tasks@3/b.ts:4:5\nat /tmp/x/tasks@home/c.ts:6:7";
  expect(withoutTree(text, "/tmp/x/tasks@")).toBe("at a (sub/a.ts:1:2)\nat b.ts:4:5\nat /tmp/x/tasks@home/c.ts:6:7");
});
