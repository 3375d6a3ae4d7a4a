import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { violations } from "./support/architecture.ts";

test("src keeps the rules of the design", async () => {
  const files = await Array.fromAsync(new Bun.Glob("src/**/*.{ts,tsx}").scan(resolve(import.meta.dir, "..")));
  const sources = files
    .filter((path) => !path.endsWith(".d.ts"))
    .map(async (path) => [path, await Bun.file(resolve(import.meta.dir, "..", path)).text()] as const);
  expect(files.length).toBeGreaterThan(20);
  expect(violations(new Map(await Promise.all(sources)))).toEqual([]);
});

const a = "src/domain/a.ts";
const leaf = { [a]: "export const a = 1;" };

describe("the checker", () => {
  test.each<[string, Record<string, string>, string]>([
    [
      "domain -> engine",
      { [a]: 'import "../engine/b.ts";', "src/engine/b.ts": "" },
      `${a}:1: src/domain is below src/engine/b.ts`,
    ],
    [
      "a type import",
      { "src/storage/a.ts": '\nimport type { B } from "../http/b.ts";', "src/http/b.ts": "" },
      ":2: src/storage is below src/http/b.ts",
    ],
    ["import() as a type", { [a]: 'type B = import("../storage/b.ts").B;', "src/storage/b.ts": "" }, "is below"],
    ["a dynamic import", { [a]: 'await import("../storage/b.ts");', "src/storage/b.ts": "" }, "is below"],
    ["a require", { [a]: 'require("../storage/b.ts");', "src/storage/b.ts": "" }, "is below"],
    ["a re-export", { [a]: 'let x;\nexport {\n B,\n} from "../storage/b.ts";', "src/storage/b.ts": "" }, `${a}:4: `],
    [
      "engine -> main",
      { "src/engine/a.ts": 'import "../main.ts";', "src/main.ts": "" },
      "src/engine is below src/main.ts",
    ],
    [
      "http -> storage",
      { "src/http/a.ts": 'import type { S } from "../storage/b.ts";', "src/storage/b.ts": "" },
      "http sees",
    ],
    [
      "http -> runtime",
      { "src/http/a.ts": 'import { r } from "../runtime/b.ts";', "src/runtime/b.ts": "" },
      "http sees",
    ],
    [
      "cli -> http",
      { "src/cli/a.ts": 'import type { S } from "../http/b.ts";', "src/http/b.ts": "" },
      "cli sees domain only",
    ],
    ["main -> cli", { "src/main.ts": 'import "./cli/b.ts";', "src/cli/b.ts": "" }, "is below src/cli/b.ts"],
    ["a new folder", { "src/utils/a.ts": "" }, "src/utils/a.ts:1: src/utils is no floor"],
    ["no ending", { ...leaf, "src/domain/b.ts": 'import { a } from "./a";' }, "lacks its ending"],
    ["no file", { [a]: 'import { b } from "./b.ts";' }, "is no file"],
    ["a test", { [a]: 'import "../../test/b.ts";' }, "outside of src"],
    [
      "a require of Bun's",
      { "src/engine/a.ts": 'import.meta.require("../http/b.ts");', "src/http/b.ts": "" },
      "is below",
    ],
    ["index -> engine", { "src/index.ts": 'import "./engine/b.ts";', "src/engine/b.ts": "" }, "is below"],
    ["a package in domain", { [a]: 'import type { Elysia } from "elysia";' }, 'must not import "elysia"'],
    ["node in domain", { [a]: 'import { join } from "node:path";' }, 'must not import "node:path"'],
    ["a look-alike", { [a]: 'import x from "ajvish";' }, 'must not import "ajvish"'],
    ["Bun in domain", { [a]: "\nconst v = Bun.version;" }, `${a}:2: domain is pure: no Bun`],
    ["process in domain", { [a]: "f(process.env.X);" }, "no process"],
    ["a clock in domain", { [a]: "const now = Date.now;" }, "no Date.now"],
    ["today in engine", { "src/engine/a.ts": "const today = new Date();" }, "no new Date()"],
    ["chance in storage", { "src/storage/a.ts": "f(Math.random());" }, "no Math.random"],
    ["a timer in engine", { "src/engine/a.ts": "setTimeout(f, 1);" }, "no setTimeout"],
    [
      "worker -> pool",
      { "src/runtime/worker.ts": 'import type { P } from "./pool.ts";', "src/runtime/pool.ts": "" },
      "not src/runtime/pool.ts",
    ],
    [
      "worker -> protocol -> engine",
      {
        "src/runtime/worker.ts": 'import { p } from "./protocol.ts";',
        "src/runtime/protocol.ts": 'export const p = import.meta.require("../engine/e.ts");',
        "src/engine/e.ts": "export const e = 1;",
      },
      "src/runtime/worker.ts:1: a worker loads domain, protocol and src/index.ts, not src/engine/e.ts",
    ],
    [
      "a cycle",
      { [a]: 'import type { B } from "./b.ts";', "src/domain/b.ts": 'import { a } from "./a.ts";' },
      `a cycle: ${a} -> src/domain/b.ts -> ${a}`,
    ],
    ["itself", { [a]: 'import { b } from "./a.ts";' }, `a cycle: ${a} -> ${a}`],
    ["301 lines", { [a]: "f();\n".repeat(301) }, `${a}:301: 301 lines`],
    [
      "a barrel",
      { ...leaf, "src/domain/b.ts": '// All.\nexport * from "./a.ts";\nexport type { B } from "./a.ts";' },
      "b.ts:1: a barrel",
    ],
    [
      "a barrel in two steps",
      { ...leaf, "src/domain/b.ts": 'import { a } from "./a.ts";\nexport { a };' },
      "b.ts:1: a barrel",
    ],
    ["any", { [a]: "let x: Map<string, any>;" }, "no any"],
    ["any within a template", { [a]: "f(`$" + "{g({}) as any}`);" }, "no any"],
    ["ts-ignore", { [a]: "f();\n// @ts-ignore\ng();" }, `${a}:2: no @ts-ignore`],
    ["an empty catch", { [a]: "try {\n f();\n} catch (error) {\n // never mind\n}" }, `${a}:3: no empty catch`],
    ["a promise's empty catch", { [a]: "p.catch(() => {});" }, "no empty catch"],
  ])("reports %s", (_what, sources, expected) => {
    const found = violations(new Map(Object.entries(sources)));
    expect(found.filter((line) => line.includes(expected))).toHaveLength(1);
    expect(found.filter((line) => !line.includes(expected))).toEqual([]);
  });

  test("is silent on what is allowed, and on mere words", () => {
    const sources = {
      ...leaf,
      "src/domain/words.ts": `import { Type } from "@sinclair/typebox";
        // Date.now, any, process.exit, @ts-check; import "../engine/x.ts"
        const text = "Bun.sleep \\" any" + 'catch {}' + \`import "../engine/x.ts" \${f("}") + \`any\`} any\`;
        const pattern = /["'\`]any[/]/.test(text), half = a / b / c, all = Promise.any([]), made = Array.from("any");
        const nested = \`\${f({ a: { b: "}" } })} any \${g} any\`, got = loader.require("../engine/x.ts");
        const bundle = new Date(0), from = { process: 1 }, any1 = from.process;`,
      "src/index.ts": 'export { a } from "./domain/a.ts";',
      "src/engine/port.ts": `import { a } from "../domain/a.ts";\nexport interface Port { a: typeof a }${"\n".repeat(299)}`,
      "src/runtime/protocol.ts": 'import type { Port } from "../engine/port.ts"; export type Message = Port;',
      "src/runtime/worker.ts": 'import "./protocol.ts"; import "./worker-io.ts"; import.meta.require("../index.ts");',
      "src/runtime/worker-io.ts": 'import { a } from "../domain/a.ts"; setTimeout(() => a, Date.now());',
      "src/http/app.ts": 'import style from "./app.css" with { type: "file" };\nexport const app = style;',
      "src/main.ts":
        'import "./http/app.ts";\nimport "./log.ts";\nimport json from "../package.json" with { type: "json" };',
      "src/cli/main.ts": 'import "./local/start.ts"; import "../domain/a.ts"; import json from "../../package.json";',
      "src/cli/local/start.ts": 'await import("../../main.ts");',
      "src/log.ts": 'import pino from "pino";\ntry { pino(); } catch (error) { throw error; }',
    };
    expect(violations(new Map(Object.entries(sources)))).toEqual([]);
  });
});
