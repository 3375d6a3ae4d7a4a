import { resolve } from "node:path";

const root = resolve(import.meta.dir, "../..");

/** An example as its user starts it, in a process of its own. */
export interface Run {
  /** What it has printed so far. */
  readonly output: string;
  /** Resolves when it has printed something that matches, with the match. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves when it has ended. */
  readonly ended: Promise<Ended>;
  kill(): void;
}

export interface Ended {
  readonly code: number;
  /** Runs of spaces, which align columns, are one. */
  readonly output: string;
  readonly errors: string;
}

/** Runs a TypeScript example, or serves a page, with Bun. */
export function runWithBun(example: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
  return start([process.execPath, "--no-env-file", `examples/${example}`, ...args], env);
}

/**
 * Runs a Python example. The first time it looks for a Python that has `requests` (`PYTHON` names one), and as root on
 * Debian installs what is missing.
 * @throws Error that says what to install.
 */
export async function runWithPython(
  example: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Run> {
  python ??= findPython();
  return start([await python, `examples/${example}`, ...args], env);
}

/** What a first call of `runWithPython` may take, with an installation. */
export const pythonSetupMs = 240_000;

let python: Promise<string> | null = null;

async function findPython(): Promise<string> {
  const candidates = [process.env.PYTHON || "python3", "/usr/bin/python3"];
  const found = await firstWithRequests(candidates);
  if (found !== null) return found;
  const packages = ["python3", "python3-requests"];
  if (process.getuid?.() === 0 && Bun.which("apt-get") !== null) {
    await start(["apt-get", "update", "-qq"]).ended;
    const install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...packages];
    await start(install, { DEBIAN_FRONTEND: "noninteractive" }).ended;
  }
  const installed = await firstWithRequests(candidates);
  if (installed !== null) return installed;
  throw new Error(`The Python example needs Python and requests: apt-get install ${packages.join(" ")}`);
}

async function firstWithRequests(candidates: readonly string[]): Promise<string | null> {
  for (const candidate of candidates) {
    if (Bun.which(candidate) === null) continue;
    const { code } = await start([candidate, "-c", "import requests"]).ended;
    if (code === 0) return candidate;
  }
  return null;
}

function start(command: string[], env: Readonly<Record<string, string>> = {}): Run {
  const child = Bun.spawn(command, {
    cwd: root,
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", PYTHONUNBUFFERED: "1", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let output = "";
  const waiting = new Set<() => void>();
  const read = readText(child.stdout, (text) => {
    output += text;
    for (const look of waiting) look();
  });
  const errors = new Response(child.stderr).text();

  return {
    get output() {
      return output;
    },
    printed(pattern) {
      return new Promise((found, failed) => {
        const look = () => {
          const hit = pattern.exec(output);
          if (hit === null) return;
          waiting.delete(look);
          found(hit);
        };
        waiting.add(look);
        look();
        void Promise.all([read, errors]).then(([, text]) => {
          if (waiting.delete(look)) failed(new Error(`it ended without printing ${pattern}\n${output}\n${text}`));
        });
      });
    },
    ended: Promise.all([child.exited, errors, read]).then(([code, text]) => ({
      code,
      output: output.replace(/(?<=\S) {2,}/g, " "),
      errors: text.trim(),
    })),
    kill: () => child.kill(),
  };
}

async function readText(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
}
