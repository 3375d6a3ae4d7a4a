import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launch, type TemporaryFolder, temporaryFolder } from "../support/server.ts";

const scratch = join(import.meta.dir, "../../src/runtime/scratch.ts");
const log = "{ debug() {}, info() {}, warn: console.error, error: console.error }";

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** A process that sweeps what it finds, and then makes a folder of its own. */
function sweeper(more = "") {
  const script = `import { makeScratch, sweepScratch } from ${JSON.stringify(scratch)};
    await sweepScratch(${log});
    const made = await makeScratch(${log});
    ${more}
    console.log("made " + made.path);`;
  return launch([process.execPath, "-e", script], { cwd: folder.path, env: { TMPDIR: folder.path } });
}

const lives = "setInterval(() => undefined, 60_000);";

test("the folder of a process that lives is left alone, and that of one that was killed goes", async () => {
  await using first = sweeper(lives);
  const [, path = ""] = await first.printed(/^made (.+)$/m);
  await using second = sweeper();
  expect(await second.exited).toBe(0);
  expect(second.output.stderr).toBe("");
  expect(readdirSync(folder.path).map((name) => join(folder.path, name))).toEqual([path]);
  first.signal("SIGKILL");
  await first.exited;
  await using third = sweeper();
  expect(await third.exited).toBe(0);
  expect(third.output.stderr).toBe("");
  expect(readdirSync(folder.path)).toEqual([]);
});

test("a folder is gone after its removal, and another process finds nothing to sweep", async () => {
  await using process_ = sweeper("await made.remove();");
  expect(await process_.exited).toBe(0);
  expect(readdirSync(folder.path)).toEqual([]);
});

test("what is no folder of ours stays", async () => {
  mkdirSync(join(folder.path, "taskflow-without-lock"));
  mkdirSync(join(folder.path, "target"));
  writeFileSync(join(folder.path, "target/lock"), "");
  symlinkSync(join(folder.path, "target"), join(folder.path, "taskflow-link"));
  writeFileSync(join(folder.path, "taskflow-file"), "");
  mkdirSync(join(folder.path, "another"));
  writeFileSync(join(folder.path, "another/lock"), "");
  const before = readdirSync(folder.path).toSorted();
  await using process_ = sweeper();
  expect(await process_.exited).toBe(0);
  expect(process_.output.stderr).toBe("");
  expect(readdirSync(folder.path).toSorted()).toEqual(before);
  expect(readdirSync(join(folder.path, "target"))).toEqual(["lock"]);
});
