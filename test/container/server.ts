import { type LogEntry, launch } from "../support/server.ts";
import { type ContainerEngine, run, type Said } from "./engine.ts";

/** A server in a container, which goes when it is disposed of. */
export interface ContainerServer extends AsyncDisposable {
  readonly url: string;
  /** That it made for itself. */
  readonly key: string;
  /** Runs a command in it; rejects when that fails. */
  exec(...command: readonly string[]): Promise<Said>;
  /** What the engine tells of it by a Go template. */
  inspect(template: string): Promise<string>;
  /** Sends SIGTERM, and SIGKILL ten seconds later; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface ContainerOptions {
  readonly image: string;
  /** Between `run` and the image. */
  readonly options: readonly string[];
}

/**
 * Starts a container, on the machine's own network and on a port that the system chooses; resolves when it listens.
 * @throws an error with all that it has written, when it ends before.
 */
export async function startContainer(
  engine: ContainerEngine,
  { image, options }: ContainerOptions,
): Promise<ContainerServer> {
  const name = `taskflow-image-test-${crypto.randomUUID()}`;
  const remove = () => run(engine, "rm", "--force", "--volumes", name);
  const network = ["--network", "host", "--env", "TASKFLOW_PORT=0"];
  await run(engine, "run", "--detach", "--name", name, ...network, ...options, image);
  // Of two streams one would not know which is ahead.
  const merged = ["sh", "-c", 'exec "$@" 2>&1', "sh"];
  await using log = launch([...merged, engine.name, "logs", "--follow", name], { env: engine.env });
  try {
    const [, key = ""] = await log.printed(/Bearer (\S+)$/m);
    const [line] = await log.printed(/^\{.*"msg":"listening"\}$/m);
    const { url }: LogEntry = JSON.parse(line);
    return {
      url: String(url),
      key,
      exec: (...command) => run(engine, "exec", name, ...command),
      inspect: async (template) => (await run(engine, "inspect", "--format", template, name)).stdout.trim(),
      stop: async () => void (await run(engine, "stop", "-t", "10", name)),
      [Symbol.asyncDispose]: async () => void (await remove()),
    };
  } catch (error) {
    await remove();
    throw new Error(`The container did not start to listen\n${log.output.stdout}`, {
      cause: error,
    });
  }
}
