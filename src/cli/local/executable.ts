import { workerWord } from "../../runtime/executable.ts";

/** The entry of the single executable, which is the command line and a worker in one. */
if (process.argv[2] === workerWord) {
  // A worker finds its arguments where Bun puts them for a file.
  process.argv.splice(2, 1);
  await import("../../runtime/worker.ts");
} else {
  await import("../main.ts");
}
