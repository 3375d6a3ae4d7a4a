import { resolve } from "node:path";
import { ConfigError, readConfig } from "../../config.ts";
import { BackupError, backUp } from "../../storage/backup.ts";
import { Failure } from "../failure.ts";

/**
 * Copies the database that TASKFLOW_DATABASE names to a new file, also while a server works with it, and says how much.
 * @throws Failure
 */
export async function backUpTo(file: string): Promise<readonly string[]> {
  try {
    const { database } = readConfig(process.env);
    if (database.path === ":memory:")
      throw new BackupError("TASKFLOW_DATABASE is in memory, where no one else can read");
    const target = resolve(file);
    const { tasks, bytes } = await backUp(resolve(database.path), target);
    return [`${target}: ${tasks} tasks, ${(bytes / 1_048_576).toFixed(1)} MB, checked`];
  } catch (error) {
    if (!(error instanceof BackupError || error instanceof ConfigError)) throw error;
    throw new Failure("refused", `There is no backup.\n${error.message}`, { cause: error });
  }
}
