import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Takes no end the first time that a server runs it on this data; the second time it says so. */
export default async () => {
  const marker = join(process.env.TASKFLOW_DATA_DIR ?? "", "held");
  if (existsSync(marker)) return "run again";
  writeFileSync(marker, "");
  console.log("holding");
  await new Promise(() => undefined);
};
