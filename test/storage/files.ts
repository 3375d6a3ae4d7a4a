import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders: string[] = [];

/** A new folder. Each test file that takes one hands `removeFolders` to `afterAll`. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "taskflow-store-"));
  folders.push(path);
  return path;
}

/** The path of a database in a folder of its own. */
export function databaseFile(): string {
  return join(folder(), "taskflow.db");
}

export function removeFolders(): void {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
}
