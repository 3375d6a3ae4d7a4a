import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Generator, startGenerator } from "./generator.ts";
import { type Server, type ServerProcess, spawnServer } from "./server.ts";

/** Where measurements take place: its servers, its load generator, its files. Nothing of it outlives `close`. */
export interface Stage {
  readonly generator: Generator;
  /** The folder in which everything lies. */
  readonly root: string;
  /** A new and empty folder. */
  folder(): string;
  /** TaskFlow with its defaults but for `settings`; its database is the file `taskflow.db` of `folder`. */
  startTaskflow(folder: string, settings?: Readonly<Record<string, string>>): Promise<Server>;
  startBare(): Promise<Server>;
  /** Kills what still runs and removes all files; synchronous, so that it can be the last thing before an exit. */
  close(): void;
}

const taskflow = join(import.meta.dir, "../src/main.ts");
const bare = join(import.meta.dir, "bare.ts");

/** @param parent where the stage's folder is made: on a real disk, since a RAM disk knows no durability. */
export function openStage(parent: string): Stage {
  mkdirSync(parent, { recursive: true });
  const root = mkdtempSync(join(parent, "bench-"));
  const generator = startGenerator();
  const servers: ServerProcess[] = [];

  function start(script: string, folder: string, env: Readonly<Record<string, string>>): Promise<Server> {
    const server = spawnServer({ script, folder, env });
    servers.push(server);
    return server.listening;
  }

  const folder = () => mkdtempSync(join(root, "server-"));

  return {
    generator,
    root,
    folder,
    startTaskflow: (where, settings = {}) =>
      start(taskflow, where, {
        TASKFLOW_PORT: "0",
        TASKFLOW_DATABASE: `sqlite:${join(where, "taskflow.db")}`,
        TASKFLOW_TASKS_DIR: join(import.meta.dir, "tasks"),
        ...settings,
      }),
    startBare: () => start(bare, folder(), {}),
    close() {
      for (const server of servers) server.kill();
      generator.stop();
      // What was killed may still hold a file for a moment.
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
