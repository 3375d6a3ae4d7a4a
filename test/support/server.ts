import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dir, "../..");

/** One line of the server's log. */
export interface LogEntry {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A real server in a process of its own. */
export interface TestServer {
  readonly url: string;
  readonly pid: number;
  /** Where its database lies; it outlives the process, so that another can be started on it. */
  readonly dataDir: string;
  readonly entries: readonly LogEntry[];
  /** The first entry that fits, of those there are and those to come. */
  entry(fits: (entry: LogEntry) => boolean): Promise<LogEntry>;
  signal(name: NodeJS.Signals): void;
  readonly exited: Promise<number>;
  /** Stops it by SIGTERM and removes its data. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ServerOptions {
  readonly tasksDir?: string;
  readonly dataDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Keep the data when it is disposed of. */
  readonly keepData?: true;
}

/** Starts `src/main.ts` on a port that the system chooses; resolves when it listens. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "taskflow-test-")));
  const child = Bun.spawn([process.execPath, "--no-env-file", join(root, "src/main.ts")], {
    cwd: root,
    env: {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "",
      TASKFLOW_PORT: "0",
      TASKFLOW_LOG_FORMAT: "json",
      TASKFLOW_LOG_LEVEL: "debug",
      TASKFLOW_NUM_WORKERS: "2",
      TASKFLOW_DATABASE: `sqlite:${join(dataDir, "taskflow.db")}`,
      ...(options.tasksDir === undefined ? {} : { TASKFLOW_TASKS_DIR: options.tasksDir }),
      ...options.env,
    },
    stdout: "pipe",
    stderr: "pipe",
    stdin: "ignore",
  });
  const errors = new Response(child.stderr).text();
  const entries: LogEntry[] = [];
  const waiting = new Set<() => void>();
  const read = readEntries(child.stdout, (entry) => {
    entries.push(entry);
    for (const look of waiting) look();
  });

  function entry(fits: (entry: LogEntry) => boolean): Promise<LogEntry> {
    return new Promise((found, failed) => {
      const look = () => {
        const hit = entries.find(fits);
        if (hit === undefined) return;
        waiting.delete(look);
        found(hit);
      };
      waiting.add(look);
      look();
      void Promise.all([child.exited, read, errors]).then(([code, , text]) => {
        if (waiting.delete(look)) failed(new Error(`the server exited with ${code} before that was logged\n${text}`));
      });
    });
  }

  const listening = await entry(({ msg }) => msg === "listening");
  return {
    url: String(listening.url),
    pid: child.pid,
    dataDir,
    entries,
    entry,
    signal: (name) => child.kill(name),
    exited: child.exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
      if (options.keepData === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function readEntries(stdout: ReadableStream<Uint8Array>, take: (entry: LogEntry) => void): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stdout) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("{")) take(JSON.parse(line));
  }
}
