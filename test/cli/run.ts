import { type Launched, launch } from "../support/server.ts";

export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `taskflow …`. Its clock is five and a half hours ahead of UTC. */
export function start(env: Readonly<Record<string, string>>, ...words: readonly string[]): Launched {
  const command = [process.execPath, "--no-env-file", "src/cli/main.ts", ...words];
  return launch(command, { env: { PATH: process.env.PATH ?? "", TZ: "Asia/Kolkata", ...env } });
}

/** Runs it to its end. */
export async function taskflow(env: Readonly<Record<string, string>>, ...words: readonly string[]): Promise<Ended> {
  await using child = start(env, ...words);
  return { exitCode: await child.exited, ...child.output };
}

/** A `taskflow …` on a terminal of its own. */
export interface OnTerminal {
  /** All that it has written, escape sequences included. */
  readonly screen: string;
  /** Resolves when it has written something that matches; rejects when it ends without. */
  shows(pattern: RegExp): Promise<void>;
  type(keys: string): void;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<number>;
}

export function startOnTerminal(env: Readonly<Record<string, string>>, ...words: readonly string[]): OnTerminal {
  const decoder = new TextDecoder();
  const waiting = new Set<() => void>();
  let screen = "";
  const child = Bun.spawn([process.execPath, "--no-env-file", "src/cli/main.ts", ...words], {
    env: { PATH: process.env.PATH ?? "", TERM: "xterm", TZ: "Asia/Kolkata", ...env },
    cwd: `${import.meta.dir}/../..`,
    terminal: {
      cols: 80,
      rows: 24,
      data(_terminal, bytes) {
        screen += decoder.decode(bytes, { stream: true });
        for (const look of waiting) look();
      },
    },
  });
  return {
    get screen() {
      return screen;
    },
    shows: (pattern) =>
      new Promise((found, failed) => {
        const look = () => {
          if (!pattern.test(screen)) return;
          waiting.delete(look);
          found();
        };
        waiting.add(look);
        look();
        void child.exited.then((code) => {
          if (waiting.delete(look)) failed(new Error(`it exited with ${code} before that\n${JSON.stringify(screen)}`));
        });
      }),
    type: (keys) => void child.terminal?.write(keys),
    kill: (signal) => child.kill(signal),
    exited: child.exited,
  };
}

/** What a terminal obeys, or what hides what is written; a line break is neither. */
export const obeyed = /[\p{Cf}\p{Zl}\p{Zp}]|[^\P{Cc}\n]/u;
