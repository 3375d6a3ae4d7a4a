import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dir, "../..");
const main = join(root, "src/main.ts");

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
  /** What it has written so far that is no log. */
  readonly output: Output;
  /** Stops it by SIGTERM and removes its data. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ServerOptions {
  readonly tasksDir?: string;
  readonly dataDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Its working directory, of which it then reads the `.env`; without one that of the project, and no `.env`. */
  readonly cwd?: string;
  /** Keep the data when it is disposed of. */
  readonly keepData?: true;
}

/** What a process has written. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** A process whose output is gathered. When it is disposed of it is killed, if it still runs. */
export interface Launched extends AsyncDisposable {
  readonly pid: number;
  /** So far. */
  readonly output: Output;
  /** The first match in stdout, when it is there; rejects when the process ends without one. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code after all of the output was read. */
  readonly exited: Promise<number>;
}

/** Starts `src/main.ts` on a port that the system chooses; resolves when it listens. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "taskflow-test-")));
  const entries: LogEntry[] = [];
  const waiting = new Set<() => void>();
  const server = launchServer({ ...options, dataDir }, (line) => {
    if (!line.startsWith("{")) return;
    entries.push(JSON.parse(line));
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
      void server.exited.then((code) => {
        if (!waiting.delete(look)) return;
        failed(new Error(`the server exited with ${code} before that was logged\n${server.output.stderr}`));
      });
    });
  }

  const listening = await entry(({ msg }) => msg === "listening");
  return {
    url: String(listening.url),
    pid: server.pid,
    dataDir,
    entries,
    entry,
    signal: server.signal,
    exited: server.exited,
    output: server.output,
    async [Symbol.asyncDispose]() {
      server.signal("SIGTERM");
      await server.exited;
      if (options.keepData === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Starts `src/main.ts`, whatever becomes of it, with its data in `dataDir`. */
export function launchServer(
  options: ServerOptions & { readonly dataDir: string },
  onLine: (line: string) => void = () => undefined,
): Launched {
  const { cwd, dataDir, tasksDir, env } = options;
  const arguments_ = cwd === undefined ? ["--no-env-file", main] : [main];
  return launch([process.execPath, ...arguments_], {
    cwd: cwd ?? root,
    env: {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "",
      TASKFLOW_PORT: "0",
      TASKFLOW_LOG_FORMAT: "json",
      TASKFLOW_LOG_LEVEL: "debug",
      TASKFLOW_NUM_WORKERS: "2",
      TASKFLOW_DATABASE: `sqlite:${join(dataDir, "taskflow.db")}`,
      ...(tasksDir === undefined ? {} : { TASKFLOW_TASKS_DIR: tasksDir }),
      ...env,
    },
    onLine,
  });
}

export interface LaunchOptions {
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  /** Takes each line of stdout. */
  readonly onLine?: (line: string) => void;
  /** Gives it a process group of its own. */
  readonly detached?: true;
}

/** Starts a command, by default in the project's folder. */
export function launch(command: readonly string[], options: LaunchOptions): Launched {
  const { cwd = root, env, onLine = () => undefined, detached = false } = options;
  const child = Bun.spawn([...command], { cwd, env, detached, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  const waiting = new Set<() => void>();
  const stdout = readLines(child.stdout, (line) => {
    output.stdout += `${line}\n`;
    onLine(line);
    for (const look of waiting) look();
  });
  const stderr = readLines(child.stderr, (line) => {
    output.stderr += `${line}\n`;
  });
  const exited = Promise.all([child.exited, stdout, stderr]).then(([code]) => code);
  return {
    pid: child.pid,
    output,
    exited,
    signal: (name) => child.kill(name),
    async [Symbol.asyncDispose]() {
      const isRunning = child.exitCode === null && child.signalCode === null;
      if (isRunning && detached) process.kill(-child.pid, "SIGKILL");
      else if (isRunning) child.kill("SIGKILL");
      await exited;
    },
    printed: (pattern) =>
      new Promise((found, failed) => {
        const look = () => {
          const match = pattern.exec(output.stdout);
          if (match === null) return;
          waiting.delete(look);
          found(match);
        };
        waiting.add(look);
        look();
        void exited.then((code) => {
          if (waiting.delete(look)) failed(new Error(`it exited with ${code} before that\n${output.stderr}`));
        });
      }),
  };
}

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** A folder that goes, with all that is in it, when it is disposed of. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), "taskflow-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Ids of the living processes that the server `pid` started to run handlers, also of those that outlived it. */
export function workersOf(pid: number): readonly number[] {
  return processes((words) => {
    const entry = words.findIndex((word) => word.endsWith("/src/runtime/worker.ts"));
    return entry >= 0 && words[entry + 1] === String(pid);
  });
}

/** Ids of the living processes with such a command. */
export function processes(fits: (command: readonly string[]) => boolean): readonly number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => fits(commandOf(pid)));
}

/** Resolves once nothing runs handlers any more for the server `pid`; rejects when that takes ten seconds. */
export async function workersGone(pid: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  // Of the end of a process that is no child of one's own there is no event.
  while (workersOf(pid).length > 0) {
    if (Date.now() > deadline) throw new Error(`the workers ${workersOf(pid)} have outlived their server ${pid}`);
    await Bun.sleep(10);
  }
}

/** Empty for a process that is gone, or dead and not yet buried. */
function commandOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  }
  if (rest !== "") take(rest);
}
