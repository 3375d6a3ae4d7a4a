import type { Config } from "./config.ts";
import type { Log } from "./domain/log.ts";
import type { BrokenHandler, Handler, ReadyHandler } from "./engine/runner.ts";
import type { ServerAccess } from "./server-access.ts";

export interface Startup {
  /** Where this machine reaches the server, without a slash at the end. */
  readonly url: string;
  readonly version: string;
  readonly config: Config;
  readonly access: ServerAccess;
  readonly handlers: readonly Handler[];
}

/** Says that the server is up: to a person in a few lines, to a machine in log entries. */
export function reportStartup(startup: Startup, log: Log): void {
  const { url, version, config, access, handlers } = startup;
  const isForPeople = config.logFormat === null ? process.stdout.isTTY === true : config.logFormat === "pretty";
  if (isForPeople) process.stdout.write(startupText(startup));
  // Printed, not logged: it is shown once, and logs are kept.
  else if (access.madeKey !== null) process.stderr.write(`${keyLines(access.madeKey, url).join("\n")}\n`);
  for (const { name, error } of handlers.filter(isBroken))
    log.error({ func_name: name, ...error }, "handler not loaded");
  const loaded = handlers.filter(isReady).map(({ name }) => name);
  // Whoever has read the lines above need not be told again.
  const { watch } = config;
  const facts = {
    dashboard: `${url}/dashboard`,
    docs: `${url}/docs`,
    websocket: websocketOf(url),
    version,
    handlers: loaded,
    watch,
  };
  log.info({ url, ...(isForPeople ? {} : facts) }, "listening");
}

/** What a person at the terminal reads when the server is up. */
export function startupText({ url, version, config, access, handlers }: Startup): string {
  const ready = handlers.filter(isReady);
  const broken = handlers.filter(isBroken);
  const width = Math.max(0, ...handlers.map(({ name }) => name.length));
  const { tasksDir, numWorkers, database, watch } = config;
  const lines = [
    "",
    `  TaskFlow ${version}`,
    "",
    `  API        ${url}/api/v1`,
    `  Dashboard  ${url}/dashboard`,
    `  Docs       ${url}/docs   (ReDoc: ${url}/redoc)`,
    `  WebSocket  ${websocketOf(url)}`,
    `  Database   ${database.path === ":memory:" ? "in memory: forgotten at the stop" : database.path}`,
    `  Workers    ${numWorkers === 0 ? "none: accepts tasks and runs nothing" : numWorkers}`,
    `  Reload     ${watch === "off" ? "off: start again to load changes" : "watching for changes"}`,
    ...(access.madeKey === null ? [] : ["", ...keyLines(access.madeKey, url).map((line) => `  ${line}`)]),
    "",
    `  Handlers in ${tasksDir}: ${ready.length} loaded${broken.length > 0 ? `, ${broken.length} not` : ""}`,
    ...ready.map(({ name, description }) => `    ✓ ${name.padEnd(width)}  ${brief(description ?? "")}`.trimEnd()),
    ...broken.map(({ name, error }) => `    ✗ ${name.padEnd(width)}  ${placeOf(error)}: ${error.message}`),
    ...(handlers.length === 0
      ? [`    none yet: drop a TypeScript file there${watch === "off" ? " and start again" : ""}`]
      : []),
    ...exampleLines(url, ready),
    "",
  ];
  return `${lines.join("\n")}\n`;
}

function isReady(handler: Handler): handler is ReadyHandler {
  return handler.status === "ready";
}

function isBroken(handler: Handler): handler is BrokenHandler {
  return handler.status === "load_error";
}

function websocketOf(url: string): string {
  return `${url.replace(/^http/, "ws")}/ws`;
}

/** The link has the key behind its #, which browsers send to nobody. */
function keyLines(key: string, url: string): readonly string[] {
  return [
    "A key was made, and is shown only now; TASKFLOW_API_KEYS sets your own.",
    `Open ${url}/#key=${key}`,
    `or send Authorization: Bearer ${key}`,
  ];
}

/** As much of a description as stands in a list. */
function brief(description: string): string {
  const [sentence = ""] = description.split(/[.:;\n]( |$)/);
  return sentence.length > 80 ? `${sentence.slice(0, 79)}…` : sentence;
}

function placeOf({ file, line }: BrokenHandler["error"]): string {
  return line === null ? file : `${file}:${line}`;
}

function exampleLines(url: string, ready: readonly ReadyHandler[]): readonly string[] {
  const handler = ready.find(({ name }) => name === "hello_world") ?? ready[0];
  if (handler === undefined) return [];
  const body = `'{"func_name": "${handler.name}"}'`;
  return ["", `  Try: curl ${url}/api/v1/tasks -H 'content-type: application/json' -d ${body}`];
}
