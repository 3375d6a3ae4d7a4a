import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { handlerName } from "../domain/handler.ts";
import type { Log } from "../domain/log.ts";
import type { HandlerFile } from "./protocol.ts";

/** The handler files below `tasksDir`, by path. What cannot be read is left out, with a warning. */
export async function scanTasks(tasksDir: string, log: Log): Promise<readonly HandlerFile[]> {
  const files = await filesBelow(tasksDir, "", [], log);
  return files.toSorted().flatMap((file) => {
    const name = handlerName(file);
    return name === null ? [] : [{ name, file }];
  });
}

/** @param above the folders that lead here, by their real paths: a link to one of them would go round for ever. */
async function filesBelow(root: string, folder: string, above: readonly string[], log: Log): Promise<string[]> {
  const here = await tried(log, join(root, folder), async (path) => ({
    path: await realpath(path),
    names: await readdir(path),
  }));
  if (here === null || above.includes(here.path)) return [];
  const found = here.names.map(async (name) => {
    const path = folder === "" ? name : `${folder}/${name}`;
    // Any ending will do for a folder: what has no name with one is not looked into.
    if (handlerName(path) === null && handlerName(`${path}/x.ts`) === null) return [];
    const entry = await tried(log, join(root, path), stat);
    if (entry?.isDirectory()) return filesBelow(root, path, [...above, here.path], log);
    return entry?.isFile() ? [path] : [];
  });
  return (await Promise.all(found)).flat();
}

async function tried<T>(log: Log, path: string, read: (path: string) => Promise<T>): Promise<T | null> {
  try {
    return await read(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn({ path, reason }, "cannot read the tasks folder, or a part of it");
    return null;
  }
}
