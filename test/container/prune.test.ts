import { expect, test } from "bun:test";
import { link, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { prune } from "../../container/prune.ts";
import { launch, temporaryFolder } from "../support/server.ts";

const dual = {
  main: "./index.cjs",
  exports: { ".": { import: "./index.mjs", require: "./index.cjs" }, "./style.css": "./style.css" },
};

/** What is installed. `+` marks what has to stay. */
const installed = {
  "+ esm/package.json": JSON.stringify({ type: "module", exports: "./lib/index.js" }),
  "+ esm/LICENSE": "",
  "+ esm/lib/index.js":
    'import "./part.js"; export { dual } from "dual"; export const more = () => import("late"); import "node:fs";',
  "+ esm/lib/part.js": 'import inner from "inner"; export default inner;',
  "- esm/lib/part.js.map": "{}",
  "- esm/lib/part.d.ts": 'import type { T } from "types"; export type U = T;',
  "- esm/lib/unused.js": "",
  "- esm/README.md": "",
  "+ esm/node_modules/inner/package.json": '{"main": "main"}',
  "+ esm/node_modules/inner/main.js": 'module.exports = require("../inner/table.json");',
  "+ esm/node_modules/inner/table.json": '{"a": 1}',
  "- esm/node_modules/other/index.js": "",
  "+ late/package.json": "{}",
  "+ late/licence.txt": "",
  "+ late/index.js": 'try { require("optional"); } catch { module.exports = require("dual"); }',
  "+ dual/package.json": JSON.stringify(dual),
  "+ dual/index.mjs": 'export const dual = "import";',
  "+ dual/index.cjs": 'module.exports = "require";',
  "+ dual/style.css": "",
  "- dual/other.css": "",
  "+ @scope/a/package.json": "{}",
  "+ @scope/a/NOTICE.md": "",
  "+ @scope/a/index.js": "",
  "- @scope/b/package.json": "{}",
  "- @scope/b/index.js": "",
  "+ elements/package.json": JSON.stringify({ exports: { ".": "./index.js", "./jsx-runtime": "./jsx.js" } }),
  "- elements/index.js": "",
  "+ elements/jsx.js": "",
  "- types/package.json": "{}",
  "- types/LICENSE": "",
};

const source = `import type { T } from "types";
import style from "dual/style.css" with { type: "file" };
import "@scope/a";
import { dual, more } from "esm";
const late: T = await more();
console.log(dual, late.default, await Bun.file(style).exists());`;

test("what the sources load stays with its licences, and all else goes", async () => {
  await using root = await temporaryFolder();
  for (const [path, text] of Object.entries(installed))
    await Bun.write(join(root.path, "node_modules", path.slice(2)), text);
  await Bun.write(join(root.path, "src/main.ts"), '#!/usr/bin/env bun\nimport "./deep/code.ts";');
  await Bun.write(join(root.path, "src/deep/code.ts"), source);
  await Bun.write(join(root.path, "src/page.tsx"), "/** @jsxImportSource elements */\nexport const page = <p />;");
  await prune(root.path, ["src/main.ts", "src/page.tsx"]);
  const left = await readdir(join(root.path, "node_modules"), { recursive: true, withFileTypes: true });
  const files = left.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const wanted = Object.keys(installed).filter((path) => path.startsWith("+"));
  expect(files.toSorted()).toEqual(wanted.map((path) => join(root.path, "node_modules", path.slice(2))).toSorted());
  expect(left.some(({ name }) => name === "types" || name === "b")).toBe(false);
  await using run = launch([process.execPath, "--no-install", join(root.path, "src/main.ts")], { env: {} });
  expect(await run.exited).toBe(0);
  expect(run.output).toEqual({ stdout: "import require true\n", stderr: "" });
});

test("what stays loses its comments, where it is installed and nowhere else", async () => {
  await using root = await temporaryFolder();
  const script = "// What it is for.\nexports.a = 1; /* aside */\n";
  await Bun.write(join(root.path, "cache.js"), script);
  await mkdir(join(root.path, "node_modules/small"), { recursive: true });
  await link(join(root.path, "cache.js"), join(root.path, "node_modules/small/index.js"));
  await Bun.write(join(root.path, "main.ts"), 'import { a } from "small";\nconsole.log(a);');
  await prune(root.path, ["main.ts"]);
  const left = await Bun.file(join(root.path, "node_modules/small/index.js")).text();
  expect([left.includes("aside"), left.includes("What")]).toEqual([false, false]);
  expect(await Bun.file(join(root.path, "cache.js")).text()).toBe(script);
  await using child = launch([process.execPath, "main.ts"], { cwd: root.path, env: {} });
  expect([await child.exited, child.output.stdout]).toEqual([0, "1\n"]);
});
