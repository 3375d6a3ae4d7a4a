import type { Handler } from "./engine/runner.ts";

export interface Startup {
  /** Where the server listens, without a slash at the end. */
  readonly url: string;
  readonly version: string;
  readonly database: string;
  readonly tasksDir: string;
  readonly numWorkers: number;
  readonly handlers: readonly Handler[];
}

/** What a person at the terminal reads when the server is up. */
export function startupReport({ url, version, database, tasksDir, numWorkers, handlers }: Startup): string {
  const ready = handlers.filter((handler) => handler.status === "ready");
  const broken = handlers.filter((handler) => handler.status === "load_error");
  const width = Math.max(0, ...handlers.map(({ name }) => name.length));
  const lines = [
    "",
    `  TaskFlow ${version}`,
    "",
    `  API        ${url}/api/v1`,
    `  Docs       ${url}/docs   (ReDoc: ${url}/redoc)`,
    `  WebSocket  ${url.replace(/^http/, "ws")}/ws`,
    `  Database   ${database}`,
    `  Workers    ${numWorkers === 0 ? "none: accepts tasks, runs nothing" : numWorkers}`,
    "",
    `  Handlers in ${tasksDir}: ${ready.length} loaded${broken.length > 0 ? `, ${broken.length} not` : ""}`,
    ...ready.map(({ name, description }) => `    ✓ ${name.padEnd(width)}  ${description ?? ""}`.trimEnd()),
    ...broken.map(({ name, error }) => `    ✗ ${name.padEnd(width)}  ${whereOf(error)}  ${error.message}`),
    ...(handlers.length === 0 ? ["    none yet: drop a TypeScript file there and start again"] : []),
    "",
    ...(ready.length > 0
      ? [
          `  Try: ${example(
            url,
            ready.map(({ name }) => name),
          )}`,
          "",
        ]
      : []),
  ];
  return lines.join("\n");
}

function whereOf({ file, line }: { file: string; line: number | null }): string {
  return line === null ? file : `${file}:${line}`;
}

function example(url: string, names: readonly string[]): string {
  const name = names.includes("hello_world") ? "hello_world" : names[0];
  return `curl ${url}/api/v1/tasks -H 'content-type: application/json' -d '{"func_name":"${name}"}'`;
}
