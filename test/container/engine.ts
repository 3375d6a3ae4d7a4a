import { resolve } from "node:path";

/** Docker or Podman, as far as the tests need them. */
export interface ContainerEngine {
  readonly name: "docker" | "podman";
  readonly env: Readonly<Record<string, string>>;
  /** Where it may leave files: Podman does when a container runs short of memory. */
  readonly cwd: string;
  /** For `build`, where the machine asks for more than the Dockerfile. */
  readonly buildOptions: readonly string[];
}

/** What a command that succeeded has written. */
export interface Said {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The engine that CONTAINER_SETUP lends, if it is set: a program that makes the machine able to build and run images, the
 * base image included, and prints exports for a shell. Else the machine's own.
 * @throws when there is none that works.
 */
export async function findEngine(cwd: string): Promise<ContainerEngine> {
  const own = ownEnvironment();
  const setup = process.env.CONTAINER_SETUP;
  if (setup) {
    const env = await lentEnvironment(setup, own);
    const mounts = (env.PODMAN_CA_MOUNTS ?? "").split(" ").filter(Boolean);
    // Here and only here the base image is already there, and no network but the machine's.
    const buildOptions = ["--format=docker", "--pull=never", "--network=host", ...mounts];
    return { name: "podman", env, cwd, buildOptions };
  }
  if (await works(["docker", "version"], own)) return { name: "docker", env: own, cwd, buildOptions: [] };
  // Podman's own format has no health checks.
  if (await works(["podman", "info"], own)) return { name: "podman", env: own, cwd, buildOptions: ["--format=docker"] };
  throw new Error(
    "No container engine works here. Install Docker or Podman, or name in CONTAINER_SETUP a program that lends one: " +
      "what it prints is evaluated by a shell, and podman has to work then.",
  );
}

/**
 * Runs the engine with these arguments to its end.
 * @throws an error with all that it has written, when it fails.
 */
export async function run({ name, env, cwd }: ContainerEngine, ...given: readonly string[]): Promise<Said> {
  return await succeed([name, ...given], env, cwd);
}

function ownEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

async function lentEnvironment(setup: string, env: Record<string, string>): Promise<Record<string, string>> {
  const script = 'set -eu; exports=$("$0"); eval "$exports"; env --null';
  const { stdout } = await succeed(["bash", "-c", script, resolve(setup)], env);
  const variables = stdout.split("\0").filter(Boolean);
  return Object.fromEntries(variables.map((text) => [text.replace(/=.*/s, ""), text.replace(/^[^=]*=/, "")]));
}

async function works(command: readonly string[], env: Readonly<Record<string, string>>): Promise<boolean> {
  if (Bun.which(command[0] ?? "") === null) return false;
  return (await finish(command, env)).exitCode === 0;
}

async function succeed(command: readonly string[], env: Readonly<Record<string, string>>, cwd?: string): Promise<Said> {
  const { exitCode, ...said } = await finish(command, env, cwd);
  if (exitCode === 0) return said;
  throw new Error(`${command.join(" ")}\nexited with ${exitCode}\n${said.stdout}${said.stderr}`);
}

async function finish(command: readonly string[], env: Readonly<Record<string, string>>, cwd = process.cwd()) {
  const child = Bun.spawn([...command], { cwd, env: { ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const written = [child.stdout, child.stderr].map((stream) => new Response(stream).text());
  const [stdout = "", stderr = ""] = await Promise.all(written);
  const exitCode = await child.exited;
  return { stdout, stderr, exitCode };
}
