import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../domain/log.ts";
import type { HandlerCatalog, Runner } from "../engine/runner.ts";
import type { Cgroups } from "./cgroup.ts";
import { Pool } from "./pool.ts";
import { Registry } from "./registry.ts";
import { makeScratch, sweepScratch } from "./scratch.ts";
import { watchFolder } from "./watcher.ts";

export interface RuntimeOptions {
  /** Where the handlers are; it may be missing. */
  readonly tasksDir: string;
  /** Worker processes; 0 knows the handlers and runs nothing. */
  readonly numWorkers: number;
  /** Attempts that a worker runs at once. */
  readonly concurrency: number;
  readonly workerMemoryMb: number;
  /** Attempts after which a worker is replaced. */
  readonly workerMaxAttempts: number;
  /** What handlers see of the environment, as they load too, beside the few variables that every program needs. */
  readonly handlerEnv: Readonly<Record<string, string>>;
  /** How changes of the handlers are noticed; `off` leaves them as they were at the start. */
  readonly watch: "auto" | "poll" | "off";
  /** In which the kernel limits the memory of each worker; none unless given. */
  readonly cgroups?: Cgroups | null;
  readonly clock: Clock;
  readonly log: Log;
  /** How long one file may take to load; 10 s unless given. */
  readonly loadDeadlineMs?: number;
}

/** Handlers, and workers that run them. */
export interface Runtime {
  readonly runner: Runner;
  readonly catalog: HandlerCatalog;
  /**
   * Starts the workers, which become ready on their own, and the watch. Handlers see the variables in `env` too; `changed`
   * is called whenever the catalog has changed.
   */
  start(env: Readonly<Record<string, string>>, changed: () => void): void;
  /** Ends every worker; what still runs is interrupted. Resolves when they are gone. */
  stop(): Promise<void>;
}

/**
 * Loads the handlers. Nothing runs before `start`.
 * @throws when the system refuses a process or a temporary folder.
 */
export async function loadRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { numWorkers, concurrency, workerMaxAttempts, cgroups = null, clock, log, loadDeadlineMs = 10_000 } = options;
  const swept = sweepScratch(log).catch((error: unknown) => {
    log.warn({ err: error }, "could not look for what killed servers left");
  });
  const scratch = await makeScratch(log);
  const env = { ...hostEnvironment(), ...options.handlerEnv };
  // Stacks and module paths show the real one.
  const tasksDir = await realpath(options.tasksDir).catch(() => resolve(options.tasksDir));
  const common = {
    scratchDir: scratch.path,
    env,
    cgroups,
    clock,
    log,
    loadDeadlineMs,
    memoryBytes: options.workerMemoryMb * 2 ** 20,
  };
  const registry = new Registry({ ...common, tasksDir });
  const { code, number } = await registry.load();
  const runner = new Pool({
    ...common,
    trees: registry.trees,
    handlers: code,
    generation: number,
    numWorkers,
    concurrency,
    maxAttempts: workerMaxAttempts,
    gone: () => void registry.prune(),
  });
  let stopWatching: (() => void) | null = null;
  return {
    runner,
    catalog: registry.catalog,
    start(more, changed) {
      registry.serve(runner, { ...env, ...more }, changed);
      runner.open({ ...env, ...more });
      if (options.watch === "off") return;
      const look = () => void registry.refresh();
      stopWatching = watchFolder({ folder: tasksDir, mode: options.watch, clock, log, look });
    },
    async stop() {
      stopWatching?.();
      await Promise.all([registry.stop(), runner.stop()]);
      await Promise.all([scratch.remove(), swept]);
    },
  };
}

/** No more than this of the server's environment reaches handlers: never the database's address, never a key. */
const hostVariables = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "NODE_ENV"];

function hostEnvironment(): Record<string, string> {
  const known = hostVariables.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(known.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}
