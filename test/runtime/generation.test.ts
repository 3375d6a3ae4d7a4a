import { describe, expect, test } from "bun:test";
import {
  type Generation,
  isOutdated,
  nextGeneration,
  noGeneration,
  planGeneration,
} from "../../src/runtime/generation.ts";
import { relativeImports } from "../../src/runtime/imports.ts";
import type { LoadReport } from "../../src/runtime/protocol.ts";
import type { Snapshot } from "../../src/runtime/sources.ts";

type Files = Readonly<Record<string, string>>;

function snapshotOf(files: Files, others: readonly string[] = [], resolution = ""): Snapshot {
  const sources = Object.entries(files).map(([path, text]) => {
    const bytes = Buffer.from(text);
    return [path, { bytes, imports: relativeImports(path, bytes) }] as const;
  });
  return { sources: new Map(sources), others, resolution };
}

const affected = (before: Generation, files: Files) =>
  planGeneration(before, snapshotOf(files)).affected.map(({ file }) => file);

let trees = 0;

/** What follows `before` when the files are these; those in `broken` do not load. */
function follow(before: Generation, files: Files, broken: readonly string[] = []): Generation {
  const plan = planGeneration(before, snapshotOf(files));
  const reports = plan.affected.map(({ file }): LoadReport => {
    if (!broken.includes(file)) return { status: "ready", definition: { description: files[file] ?? "" } };
    return { status: "load_error", error: { message: "no", file, line: 1, column: 1 } };
  });
  trees += 1;
  return nextGeneration(plan, trees, reports);
}

const first = (files: Files, broken: readonly string[] = []) => follow(noGeneration, files, broken);
const find = ({ handlers }: Generation, name: string) => handlers.find((handler) => handler.name === name);
const treeOf = ({ code }: Generation, name: string) => code.find((one) => one.name === name)?.tree;

describe("a change affects", () => {
  const files = {
    "a.ts": 'import { h } from "./lib/_h";',
    "b.ts": 'import a from "./a.ts";',
    "c.ts": 'const x = await import("./lib/_late.js");',
    "d.ts": "",
    "lib/_h.ts": 'export { deep as h } from "./_deep.ts";',
    "lib/_deep.ts": "export const deep = 1;",
    "lib/_late.ts": "",
    "lib/_unused.ts": "",
  };
  const before = first(files);

  test.each<[string, Files, string[]]>([
    ["nothing when nothing has changed", {}, []],
    ["the handler that was edited", { "d.ts": "1;" }, ["d.ts"]],
    ["whatever imports a helper, through others and through handlers", { "lib/_deep.ts": "1;" }, ["a.ts", "b.ts"]],
    ["whatever imports a handler", { "a.ts": "export default 1;" }, ["a.ts", "b.ts"]],
    ["what imports it when it runs", { "lib/_late.ts": "1;" }, ["c.ts"]],
    [
      "every handler when nothing imports it in plain words",
      { "lib/_unused.ts": "1;" },
      ["a.ts", "b.ts", "c.ts", "d.ts"],
    ],
    ["a new handler alone", { "e.ts": "" }, ["e.ts"]],
    ["nothing when the new file is a helper that nobody imports yet", { "lib/_new.ts": "" }, []],
  ])("%s", (_, changes, expected) => {
    expect(affected(before, { ...files, ...changes })).toEqual(expected);
  });

  test("what imported a file that is gone, and what imports one that has come", () => {
    const { "lib/_deep.ts": _, ...without } = files;
    expect(affected(before, without)).toEqual(["a.ts", "b.ts"]);
    expect(affected(first(without), files)).toEqual(["a.ts", "b.ts"]);
  });

  test("every handler when packages or settings change", () => {
    const plan = planGeneration(before, snapshotOf(files, [], "another"));
    expect(plan.affected.map(({ file }) => file)).toEqual(["a.ts", "b.ts", "c.ts", "d.ts"]);
  });

  test("a load under way when it is of the files that are being loaded", () => {
    const plan = planGeneration(before, snapshotOf({ ...files, "lib/_deep.ts": "1;" }));
    const newer = (changes: Files) => isOutdated(plan, snapshotOf({ ...files, "lib/_deep.ts": "1;", ...changes }));
    expect([newer({}), newer({ "d.ts": "1;" }), newer({ "lib/_h.ts": "1;" }), newer({ "b.ts": "1;" })]).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});

describe("a generation", () => {
  test("raises the number of what has changed alone, and takes all that loads from the new copy", () => {
    const before = first({ "a.ts": "1;", "b.ts": "1;" });
    const after = follow(before, { "a.ts": "2;", "b.ts": "1;" });
    expect(after.handlers).toMatchObject([
      { name: "a", generation: 2, description: "2;" },
      { name: "b", generation: 1 },
    ]);
    expect([treeOf(after, "a"), treeOf(after, "b")]).toEqual([trees, trees]);
  });

  test("keeps the last good version and its copy, through further faults, until the file loads or goes", () => {
    const good = first({ "a.ts": "1;", "b.ts": "1;" });
    const tree = treeOf(good, "a");
    const bad = follow(good, { "a.ts": "2;", "b.ts": "1;" }, ["a.ts"]);
    const worse = follow(bad, { "a.ts": "3;", "b.ts": "2;" }, ["a.ts"]);
    expect(find(worse, "a")).toMatchObject({ status: "load_error", generation: 3, serving: find(good, "a") });
    expect([treeOf(bad, "a"), treeOf(worse, "a"), treeOf(worse, "b")]).toEqual([tree, tree, trees]);
    const mended = follow(worse, { "a.ts": "4;", "b.ts": "2;" });
    expect(find(mended, "a")).toMatchObject({ status: "ready", description: "4;" });
    expect(treeOf(mended, "a")).toBe(trees);
    const gone = follow(worse, { "b.ts": "2;" });
    expect([find(gone, "a"), treeOf(gone, "a")]).toEqual([undefined, undefined]);
    expect(find(follow(gone, { "a.ts": "3;", "b.ts": "2;" }, ["a.ts"]), "a")).toMatchObject({ serving: null });
  });

  test("does not load a broken file again before it changes", () => {
    const bad = first({ "a.ts": "1;", "b.ts": "1;" }, ["a.ts"]);
    expect(affected(bad, { "a.ts": "1;", "b.ts": "2;" })).toEqual(["b.ts"]);
    expect(find(follow(bad, { "a.ts": "1;", "b.ts": "2;" }), "a")).toBe(find(bad, "a"));
  });

  test("lets the last good version serve while two files have its name, and loads the one that is left", () => {
    const good = first({ "x.ts": "1;" });
    const clash = follow(good, { "x.ts": "1;", "x/index.ts": "2;" });
    expect(clash.handlers).toMatchObject([
      { file: "x.ts", status: "load_error", generation: 2, serving: { generation: 1 } },
      { file: "x/index.ts", status: "load_error", generation: 2, serving: { generation: 1 } },
    ]);
    expect(clash.code).toEqual(good.code);
    const later = follow(clash, { "x.ts": "1;", "x/index.ts": "2;", "y.ts": "" });
    expect(find(later, "x")?.generation).toBe(2);
    expect(find(follow(later, { "x.ts": "1;", "y.ts": "" }), "x")).toMatchObject({ status: "ready", file: "x.ts" });
  });

  test("has a handler whose file cannot be read among those to load, which says why", () => {
    const plan = planGeneration(noGeneration, snapshotOf({ "a.ts": "" }, ["b.ts", "notes.md"]));
    expect(plan.affected.map(({ name }) => name)).toEqual(["a", "b"]);
  });
});
