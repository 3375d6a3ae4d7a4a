import { openStore } from "../../src/storage/open.ts";
import { aTask } from "../support/tasks.ts";

/** Starts a process that opens the store in `file`, inserts a task, and keeps both until it is killed. */
export async function holdStore(file: string) {
  const child = Bun.spawn([process.execPath, import.meta.path, file], { stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  const taskId = new TextDecoder().decode(value).trim();
  return { pid: child.pid, taskId, exited: child.exited, kill: (signal: "SIGKILL" | "SIGTERM") => child.kill(signal) };
}

if (import.meta.main) {
  const store = await openStore(`sqlite:${process.argv[2]}`, { now: () => Date.UTC(2030, 0, 2) });
  const task = aTask();
  await store.insert([task], Number.POSITIVE_INFINITY);
  console.log(task.id);
  setInterval(() => undefined, 60_000);
}
