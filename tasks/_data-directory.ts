import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { PermanentError } from "taskflow";

/**
 * The directory that handlers may work in, with its links resolved.
 * @throws PermanentError when TASKFLOW_DATA_DIR names none.
 */
export async function dataDirectory(): Promise<string> {
  const directory = process.env.TASKFLOW_DATA_DIR;
  if (!directory) throw new PermanentError("TASKFLOW_DATA_DIR is not set: there is no data directory to work in");
  if (!isAbsolute(directory)) throw new PermanentError("TASKFLOW_DATA_DIR must be an absolute path");
  return await realpath(directory);
}

/**
 * The absolute path of something in the data directory, which need not exist yet. What exists of it holds no links.
 * @param path relative to the data directory.
 * @throws PermanentError when it leads out of it: as an absolute path, by `..` or by a link.
 */
export async function insideDataDirectory(path: string): Promise<string> {
  const root = await dataDirectory();
  if (isAbsolute(path)) throw new PermanentError(`'${path}' is not a relative path`);
  const wanted = resolve(root, path);
  // Looked at before the disk is, so that an answer never tells what exists outside.
  if (!contains(root, wanted)) throw outside(path);
  const real = await realPath(wanted, path);
  if (!contains(root, real)) throw outside(path);
  return real;
}

/** `path` as a handler's caller names it: relative to the data directory, with forward slashes. */
export async function dataPath(path: string): Promise<string> {
  return relative(await dataDirectory(), path).replaceAll(sep, "/") || ".";
}

/** Whether an error says that a file is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function outside(path: string): PermanentError {
  return new PermanentError(`'${path}' is not inside the data directory`);
}

function contains(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** Resolves links in what exists of `path`. A link to nothing is refused: writing there would create its target. */
async function realPath(path: string, asked: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    // A file taken for a directory, links in a ring, a name that is too long: it will not be there next time either.
    if (!isMissing(error)) throw new PermanentError(`'${asked}' cannot be reached`, { cause: error });
    if (await isPresent(path)) throw new PermanentError(`'${asked}' leads over a link to nothing`, { cause: error });
    return join(await realPath(dirname(path), asked), basename(path));
  }
}

async function isPresent(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
