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
 * Runs a Python example. `PYTHON` names another interpreter than `python3`.
 * @throws Error that says what to install.
 */
export async function runWithPython(
  example: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Run> {
  pythonProbe ??= probePython();
  await pythonProbe;
  return start([python, `examples/${example}`, ...args], env);
}

const python = process.env.PYTHON || "python3";
let pythonProbe: Promise<void> | null = null;

async function probePython(): Promise<void> {
  const advice = `The Python example needs ${python} and requests: apt-get install python3 python3-requests`;
  if (Bun.which(python) === null) throw new Error(`There is no ${python}. ${advice}`);
  const { code, errors } = await start([python, "-c", "import requests"]).ended;
  if (code !== 0) throw new Error(`${python} cannot import requests. ${advice}\n${errors}`);
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
