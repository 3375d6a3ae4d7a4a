import { resolve } from "node:path";
import { ConfigError, readConfig } from "./config.ts";
import { BackupError, backUp } from "./storage/backup.ts";

/** `bun run backup FILE`: copies the database that TASKFLOW_DATABASE names, also while a server works with it. */
try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BackupError || error instanceof ConfigError)) throw error;
  console.error(`There is no backup.\n${error.message}`);
  process.exit(1);
}

async function main(given: readonly string[]): Promise<void> {
  const [file] = given;
  if (file === undefined || given.length > 1) throw new BackupError("Say where it goes: bun run backup FILE");
  const { database } = readConfig(process.env);
  if (database.path === ":memory:") throw new BackupError("TASKFLOW_DATABASE is in memory, where no one else can read");
  const target = resolve(file);
  const { tasks, bytes } = await backUp(resolve(database.path), target);
  console.log(`${target}: ${tasks} tasks, ${(bytes / 1_048_576).toFixed(1)} MB, checked`);
}
