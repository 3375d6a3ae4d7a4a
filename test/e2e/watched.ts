import { expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type TestClient, type WireTask } from "../support/client.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** A real server whose handlers misbehave, and someone who asks it without a pause whether it is still there. */
export interface Watched extends AsyncDisposable {
  readonly server: TestServer;
  readonly client: TestClient;
  /** Submits a task without retries; resolves when its handler has logged. */
  begin(func_name: string, kwargs?: object, more?: object): Promise<WireTask>;
  /** Runs a task that does no harm, and expects that it completes. */
  bystander(): Promise<void>;
  /** How each attempt ended, its error's kind where there is one. */
  outcomes(task: WireTask): Promise<readonly unknown[]>;
  /** Attempts that ended by force, by cause, of which there were any. */
  kills(): Promise<Readonly<Record<string, number>>>;
  /**
   * Expects that the server is sound: every question until now was answered well, every worker is up and runs tasks,
   * and no process that a handler started is left.
   */
  recovers(): Promise<void>;
}

export interface WatchedOptions {
  readonly tasksDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Asked all the while. */
  readonly paths?: readonly string[];
}

const misdeeds = join(import.meta.dir, "../fixtures/tasks/misdeeds");

export async function watch(options: WatchedOptions = {}): Promise<Watched> {
  const { tasksDir = misdeeds, env = {}, paths = ["/health", "/api/v1/tasks?limit=1"] } = options;
  // Every process that handlers start inherits it.
  const mark = crypto.randomUUID();
  const server = await startServer({
    tasksDir,
    env: { TASKFLOW_KILL_GRACE: "0.1", TASKFLOW_HANDLER_ENV: "MARK", MARK: mark, ...env },
  });
  const client = await connect(server.url);
  const witness = startWitness(server.url, paths);

  async function bystander(): Promise<void> {
    const { task_id } = await client.submit({ func_name: "echo", kwargs: { of: "no harm" } });
    const done = { status: "completed", result: { of: "no harm" }, retry_count: 0, error: null };
    expect(await client.final(task_id)).toMatchObject(done);
  }

  const pool = async (): Promise<readonly PoolEntry[]> => (await (await client.get("/health")).json()).workers.pool;

  return {
    server,
    client,
    bystander,
    async begin(func_name, kwargs = {}, more = {}) {
      const task = await client.submit({ func_name, kwargs, max_retries: 0, ...more });
      await client.event(task.task_id, ({ type }) => type === "task_log");
      return task;
    },
    async outcomes({ task_id }) {
      const attempts = await (await client.get(`/api/v1/tasks/${task_id}/attempts`)).json();
      return attempts.map(({ outcome, error_kind }: Record<string, unknown>) => error_kind ?? outcome);
    },
    async kills() {
      const { workers } = await (await client.get("/api/v1/metrics")).json();
      return Object.fromEntries(Object.entries<number>(workers.kills).filter(([, count]) => count > 0));
    },
    async recovers() {
      // Of the end of a process that is no child of one's own there is no event.
      await eventually(
        async () => {
          const workers = await pool();
          const expected = [server.pid, ...workers.map(({ pid }) => pid)];
          const busy = workers.filter(({ state }) => state !== "idle");
          const left = marked(mark).filter((pid) => !expected.includes(pid));
          return { busy, left, zombies: zombiesOf(server.pid), isEmpty: workers.length === 0 };
        },
        { busy: [], left: [], zombies: [], isEmpty: false },
      );
      await Promise.all((await pool()).map(bystander));
      expect(witness.faults()).toEqual([]);
    },
    async [Symbol.asyncDispose]() {
      const answered = await witness.stop();
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      expect(answered).toBeGreaterThan(0);
      expect(marked(mark)).toEqual([]);
    },
  };
}

interface PoolEntry {
  readonly pid: number;
  readonly state: string;
}

/** Waits until `look` gives `expected`; fails with what it gave last when that takes ten seconds. */
export async function eventually(look: () => Promise<unknown>, expected: unknown): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const seen = await look();
    if (Bun.deepEquals(seen, expected)) return;
    if (Date.now() > deadline) expect(seen).toEqual(expected);
    await Bun.sleep(10);
  }
}

/** Bytes that a process holds. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1_024;
}

interface Witness {
  /** What was answered otherwise than with a 200. */
  faults(): readonly string[];
  /** Says how many were answered. */
  stop(): Promise<number>;
}

function startWitness(url: string, paths: readonly string[]): Witness {
  const faults: string[] = [];
  let answered = 0;
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      for (const path of paths) {
        const answer = await fetch(`${url}${path}`).catch((error: unknown) => String(error));
        const text = typeof answer === "string" ? answer : await answer.text();
        if (typeof answer === "string" || answer.status !== 200) faults.push(`${path}: ${text}`);
        answered += 1;
      }
      await Bun.sleep(5);
    }
  })();
  return {
    faults: () => faults,
    async stop() {
      isOver = true;
      await asking;
      return answered;
    },
  };
}

/** Ids of the living processes with the mark in the environment that they were started with. */
function marked(mark: string): readonly number[] {
  return processIds().filter((pid) => contentOf(`/proc/${pid}/environ`).includes(mark));
}

/** Ids of the children of `parent` that are dead and not buried. */
function zombiesOf(parent: number): readonly number[] {
  return processIds().filter((pid) => {
    // The name in the parentheses may hold anything.
    const [state, ppid] = contentOf(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
    return state === "Z" && ppid === String(parent);
  });
}

function processIds(): readonly number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

/** Empty for a process that is gone, or of someone else. */
function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
