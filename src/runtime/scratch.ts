import { Database, SQLiteError } from "bun:sqlite";
import { lstatSync, renameSync, rmSync } from "node:fs";
import { mkdtemp, readdir, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log } from "../domain/log.ts";
import { removeFolder } from "./child.ts";

/** A folder for what lives no longer than this process. */
export interface Scratch {
  /** Absolute, without symbolic links. */
  readonly path: string;
  remove(): Promise<void>;
}

/** The system refuses a temporary folder. The message is for whoever starts the server. */
export class ScratchError extends Error {
  override readonly name = "ScratchError";
}

/**
 * Makes a folder that is gone when the process exits. What a killed process left is swept by `sweepScratch`: a lock in
 * the folder, which the system drops with its holder, tells that from the folder of one that lives, whatever its user or
 * container.
 * @throws ScratchError
 */
export async function makeScratch(log: Log): Promise<Scratch> {
  const path = await makeTemporaryFolder();
  const lock = takeLock(join(path, "lock.new"), { readwrite: true, create: true });
  held.add(lock);
  // Under this name it is found, and is held by then.
  renameSync(join(path, "lock.new"), join(path, lockName));
  const removeAtExit = () => rmSync(path, { recursive: true, force: true });
  process.on("exit", removeAtExit);
  return {
    path,
    async remove() {
      await removeFolder(path, log);
      process.off("exit", removeAtExit);
      held.delete(lock);
      lock.close();
    },
  };
}

/** Bun closes a database that nothing refers to, which would drop its lock. */
const held = new Set<Database>();

/** Removes the folders of those of this user's processes that are gone without having done so. */
export async function sweepScratch(log: Log): Promise<void> {
  const names = await readdir(tmpdir());
  for (const path of names.filter((name) => name.startsWith(prefix)).map((name) => join(tmpdir(), name))) {
    if (!isOwnFolder(path)) continue;
    const lock = findLock(join(path, lockName));
    if (lock === null) continue;
    log.debug({ path }, "removes what a killed server left");
    await removeFolder(path, log);
    lock.close();
  }
}

const prefix = "taskflow-";
const lockName = "lock";

async function makeTemporaryFolder(): Promise<string> {
  try {
    return await realpath(await mkdtemp(join(tmpdir(), prefix)));
  } catch (error) {
    throw new ScratchError(
      `There is no room for temporary files in ${tmpdir()}: ${error instanceof Error ? error.message : String(error)}\n` +
        "Let this user write there (a container with a read-only root: --tmpfs /tmp), or set TMPDIR to another folder.",
      { cause: error },
    );
  }
}

/** Null when another one holds it, or when there is none. */
function findLock(path: string): Database | null {
  try {
    return takeLock(path, { readwrite: true });
  } catch (error) {
    if (error instanceof SQLiteError) return null;
    throw error;
  }
}

/** Holds a lock on the file until it is closed, or the process ends. */
function takeLock(path: string, how: { readonly readwrite: true; readonly create?: true }): Database {
  const lock = new Database(path, how);
  try {
    lock.run("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Whoever may write to the folder for temporary files may also have put a link there. */
function isOwnFolder(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid?.();
}
