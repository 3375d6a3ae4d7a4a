import { join } from "node:path";

/** A server that listens. */
export interface Server {
  readonly url: string;
  readonly pid: number;
  /** Asks it to stop and waits until it has; by force after a while. */
  stop(): Promise<void>;
}

/** The process of a server, which may not listen yet. */
export interface ServerProcess {
  /** Rejects with the end of its log when it ends instead, or takes too long. */
  readonly listening: Promise<Server>;
  /** Ends it at once. */
  kill(): void;
}

export interface ServerOptions {
  /** The program, absolute. */
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** A folder of its own: where it runs and where its log and temporary files go. */
  readonly folder: string;
}

const longestStartMs = 30_000;
const longestStopMs = 20_000;
const lookMs = 5;

/** Starts a server. Its log goes to a file, since whoever reads it would take time off the cores that are measured. */
export function spawnServer({ script, env, folder }: ServerOptions): ServerProcess {
  const log = join(folder, `${crypto.randomUUID()}.log`);
  const child = Bun.spawn([process.execPath, script], {
    // Away from the checkout, whose .env would be read.
    cwd: folder,
    env: { ...foreignVariables(), TMPDIR: folder, TASKFLOW_LOG_FORMAT: "json", ...env },
    stdio: ["ignore", Bun.file(log), Bun.file(`${log}.err`)],
  });
  const kill = () => child.kill("SIGKILL");

  async function stop(): Promise<void> {
    child.kill("SIGTERM");
    const timer = setTimeout(kill, longestStopMs);
    await child.exited;
    clearTimeout(timer);
  }

  async function listen(): Promise<Server> {
    const giveUpAt = performance.now() + longestStartMs;
    for (;;) {
      const text = await read(log);
      const url = listeningUrl(text);
      if (url !== null) return { url, pid: child.pid, stop };
      if (child.exitCode !== null || child.signalCode !== null || performance.now() > giveUpAt) {
        kill();
        const output = `${text}\n${await read(`${log}.err`)}`.trim().slice(-2_000);
        throw new Error(`${script} did not start:\n${output}`);
      }
      await Bun.sleep(lookMs);
    }
  }

  return { listening: listen(), kill };
}

/** What the caller's own environment says of TaskFlow would change what is measured. */
function foreignVariables(): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !name.startsWith("TASKFLOW_")) variables[name] = value;
  }
  return variables;
}

async function read(path: string): Promise<string> {
  const file = Bun.file(path);
  return (await file.exists()) ? file.text() : "";
}

function listeningUrl(log: string): string | null {
  const line = log.split("\n").find((text) => text.includes('"listening"') && text.endsWith("}"));
  if (line === undefined) return null;
  const { url } = JSON.parse(line);
  return typeof url === "string" ? url : null;
}
