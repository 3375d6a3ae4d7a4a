import { beforeEach, describe, expect, test } from "bun:test";
import { mkdir, realpath, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PermanentError } from "taskflow";
import { dataDirectory, dataPath, insideDataDirectory } from "../../tasks/_data-directory.ts";
import { failureOf, testDirectories, testEnvironment } from "./context.ts";

const environment = testEnvironment();
const makeDirectory = testDirectories();
let root: string;
let outside: string;

beforeEach(async () => {
  root = join(await realpath(await makeDirectory()), "data");
  await mkdir(root);
  outside = await realpath(await makeDirectory());
  environment("TASKFLOW_DATA_DIR", root);
});

describe("a path inside the data directory", () => {
  test.each([
    ["a", "a"],
    ["a/b/c.txt", "a/b/c.txt"],
    ["./a/../b", "b"],
    ["..a", "..a"],
    [".", "."],
  ])("%s is %s, there or not", async (path, expected) => {
    const inside = await insideDataDirectory(path);
    expect(inside).toBe(join(root, expected));
    expect(await dataPath(inside)).toBe(expected);
  });

  test("may be reached over a link that stays inside", async () => {
    await mkdir(join(root, "real"));
    await symlink("real", join(root, "link"));
    expect(await insideDataDirectory("link/new.txt")).toBe(join(root, "real/new.txt"));
  });

  test("is found when the data directory itself is a link", async () => {
    const link = join(outside, "data");
    await symlink(root, link);
    environment("TASKFLOW_DATA_DIR", link);
    expect(await insideDataDirectory("a")).toBe(join(root, "a"));
  });
});

describe("a path is refused", () => {
  test.each(["..", "../other", "a/../../other", "/etc/passwd"])("%j", async (path) => {
    expect(await failureOf(() => insideDataDirectory(path))).toBeInstanceOf(PermanentError);
  });

  test("when it is absolute, though it leads inside", async () => {
    expect(await failureOf(() => insideDataDirectory(join(root, "a")))).toBeInstanceOf(PermanentError);
  });

  test("when it is of a sibling whose name begins alike", async () => {
    await mkdir(`${root}-other`);
    const failure = await failureOf(() => insideDataDirectory("../data-other"));
    expect(failure.message).toContain("is not inside the data directory");
  });

  test("without telling what lies outside", async () => {
    await writeFile(join(root, "../file"), "");
    for (const path of ["../file", "../none", "../file/a"]) {
      expect((await failureOf(() => insideDataDirectory(path))).message).toBe(
        `'${path}' is not inside the data directory`,
      );
    }
  });

  test("when a link leads out of it, to something or to nothing", async () => {
    await writeFile(join(outside, "secret"), "x");
    await symlink(outside, join(root, "out"));
    await symlink(join(outside, "secret"), join(root, "file"));
    await symlink(join(outside, "none"), join(root, "dangling"));
    for (const path of ["out", "out/secret", "out/new/file", "file", "dangling", "dangling/new"]) {
      expect(await failureOf(() => insideDataDirectory(path))).toBeInstanceOf(PermanentError);
    }
  });
});

test("a path over a file, or over links in a ring, fails for good and does not tell where the data directory lies", async () => {
  await writeFile(join(root, "file"), "");
  await symlink("ring", join(root, "ring"));
  for (const path of ["file/a", "ring", "ring/a", "a\0b", "a".repeat(300)]) {
    const failure = await failureOf(() => insideDataDirectory(path));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toBe(`'${path}' cannot be reached`);
  }
});

test("without TASKFLOW_DATA_DIR there is none, and the error says so", async () => {
  environment("TASKFLOW_DATA_DIR", undefined);
  const failure = await failureOf(dataDirectory);
  expect(failure).toBeInstanceOf(PermanentError);
  expect(failure.message).toContain("TASKFLOW_DATA_DIR is not set");
});

test("a TASKFLOW_DATA_DIR that depends on where the worker started is refused", async () => {
  environment("TASKFLOW_DATA_DIR", "data");
  expect((await failureOf(dataDirectory)).message).toContain("must be an absolute path");
});
