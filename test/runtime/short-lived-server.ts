/** Runs a handler that loops, prints the process id of its worker, and waits to be killed. */

import { join } from "node:path";
import { loadRuntime } from "../../src/runtime/runtime.ts";
import { systemClock } from "../../src/system-clock.ts";

const silent = () => undefined;
const runtime = await loadRuntime({
  tasksDir: join(import.meta.dir, "../fixtures/tasks/misdeeds"),
  numWorkers: 1,
  concurrency: 1,
  workerMemoryMb: 512,
  workerMaxAttempts: 10,
  handlerEnv: {},
  watch: "off",
  clock: systemClock,
  log: { debug: silent, info: silent, warn: console.error, error: console.error },
});
const { runner } = runtime;
runtime.start({}, silent);
runner.onFree(() => {
  runner.start(
    {
      taskId: "t",
      funcName: "connects_and_loops",
      input: { port: Number(process.argv[2]) },
      lease: 1,
      attempt: 1,
      maxAttempts: 1,
      scheduledFor: null,
      lastRunAt: null,
      traceparent: null,
      isQuick: false,
    },
    {
      log: () => console.log(runner.workers()[0]?.pid),
      progress: silent,
      began: silent,
      ended: silent,
      returned: silent,
    },
  );
});
