import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { type Config, ConfigError, readConfig } from "./config.ts";
import { isStoreUnavailable } from "./domain/error.ts";
import { createEngine, type Engine } from "./engine/engine.ts";
import { declaredBy, type HandlerCatalog } from "./engine/runner.ts";
import { createApp, serveOptions } from "./http/app.ts";
import { createLog, type ServerLog } from "./log.ts";
import { openCgroups } from "./runtime/cgroup.ts";
import { endEarlierLife } from "./runtime/earlier-life.ts";
import { loadRuntime } from "./runtime/runtime.ts";
import { ScratchError } from "./runtime/scratch.ts";
import { ListenError, reachableUrl, resolveAccess } from "./server-access.ts";
import { shownConfig } from "./shown-config.ts";
import { reportStartup } from "./startup-report.ts";
import { openStore, StoreOpenError } from "./storage/open.ts";
import { systemClock } from "./system-clock.ts";
import type { Tracing } from "./tracing.ts";

const { version } = packageJson;
/** What requests under way get once nothing runs any more. */
const lastAnswersMs = 1_000;
/** Signals closer together than this are one. */
const sameSignalMs = 500;

try {
  await main(readConfig(process.env));
} catch (error) {
  console.error(`TaskFlow did not start.\n${reasonOf(error)}`);
  process.exit(1);
}

async function main(config: Config): Promise<void> {
  const log = createLog({ level: config.logLevel, format: config.logFormat });
  exitOnDefect(log);
  // SIGUSR1 is that of debuggers.
  process.on("SIGUSR2", log.toggleDebug);
  const stopSignal = nextSignal();
  const clock = systemClock;
  endEarlierLife();
  const store = await openStore(addressOf(config.database.path), {
    now: clock.now,
    elapsedMs: () => performance.now(),
  });
  const dataDir = await makeDataDirectory(config.database.path);
  const { cgroups, reason } = openCgroups({ limitBytes: config.workerMemoryMb * 2 ** 20, clock, log });
  const runtime = await loadRuntime({ ...config, handlerEnv: chosenVariables(config.handlerEnv), cgroups, clock, log });
  const tracing = isTraced(process.env) ? await startTracing(log) : null;
  const engine = createEngine({
    store,
    runner: runtime.runner,
    catalog: runtime.catalog,
    clock,
    log,
    random: Math.random,
    newId: () => Bun.randomUUIDv7(),
    settings: config,
    ...(tracing === null ? {} : { tracer: tracing.tracer }),
  });
  const access = resolveAccess(config);
  const app = createApp({ engine, access, log, version, configuration: shownConfig(config) });
  const url = listen(app, config);

  const declare = () => declareSchedules(engine, runtime.catalog);
  runtime.start({ TASKFLOW_URL: url, TASKFLOW_DATA_DIR: dataDir }, () => void declare());
  await declare();
  await engine.start();
  log.debug({ reason }, cgroups === null ? "no cgroups for workers" : "every worker gets a cgroup");
  reportStartup({ url, version, config, access, handlers: runtime.catalog.list() }, log);

  const signal = await stopSignal;
  log.info({ signal, grace: config.shutdownGraceMs / 1_000 }, "stopping: running attempts may finish");
  await engine.stop();
  app.decorator.live.close();
  await stopListening(app);
  await runtime.stop();
  await cgroups?.close();
  await store.close();
  await tracing?.stop();
  log.info({}, "stopped");
  await log.flush();
  process.exit(0);
}

/** Makes the periodic tasks follow the files that declare them. */
async function declareSchedules(engine: Engine, catalog: HandlerCatalog): Promise<void> {
  try {
    await engine.periodic.syncDeclared(declaredBy(catalog));
  } catch (error) {
    // The engine has logged it, and tries again by itself.
    if (!isStoreUnavailable(error)) throw error;
  }
}

/** Whether OpenTelemetry's variables ask for traces. */
function isTraced(env: Readonly<Record<string, string | undefined>>): boolean {
  const { OTEL_SDK_DISABLED: disabled, OTEL_TRACES_EXPORTER: exporter } = env;
  if (disabled?.trim().toLowerCase() === "true" || (exporter?.trim() || "otlp") !== "otlp") return false;
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim() || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?.trim());
}

/** Its packages are loaded by those alone who want traces. */
async function startTracing(log: ServerLog): Promise<Tracing> {
  const { createTracing } = await import("./tracing.ts");
  return createTracing({ env: process.env, version, log });
}

/** A path is meant from the working directory. */
function addressOf(databasePath: string): string {
  return `sqlite:${databasePath === ":memory:" ? databasePath : resolve(databasePath)}`;
}

/** The folder that handlers may keep files in: that of the database, or `./data` when it is in memory. */
async function makeDataDirectory(databasePath: string): Promise<string> {
  const folder = databasePath === ":memory:" ? resolve("data") : dirname(resolve(databasePath));
  await mkdir(folder, { recursive: true });
  return folder;
}

type App = ReturnType<typeof createApp>;

/** Starts to listen and says at which address this machine reaches it. */
function listen(app: App, { host, port }: Config): string {
  try {
    app.listen({ hostname: host, port, ...serveOptions });
  } catch (error) {
    throw new ListenError(
      `Cannot listen on ${host}, port ${port}: ${error instanceof Error ? error.message : String(error)}\n` +
        "Set TASKFLOW_PORT to a free port, and TASKFLOW_HOST to an address of this machine.",
      { cause: error },
    );
  }
  return reachableUrl(host, app.server?.port ?? port);
}

async function stopListening(app: App): Promise<void> {
  const { server } = app;
  if (server === null) return;
  void server.stop();
  const deadline = Date.now() + lastAnswersMs;
  while (server.pendingRequests > 0 && Date.now() < deadline) await Bun.sleep(10);
  await server.stop(true);
}

function chosenVariables(names: readonly string[]): Record<string, string> {
  const given = names.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(given.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}

/**
 * Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. Ctrl-C reaches the whole process group,
 * and a `bun run` in it passes the signal on: what follows within moments is the same one again.
 */
function nextSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve: received } = Promise.withResolvers<NodeJS.Signals>();
  let firstAt: number | null = null;
  for (const [signal, exitCode] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    process.on(signal, () => {
      firstAt ??= Date.now();
      if (Date.now() - firstAt > sameSignalMs) process.exit(exitCode);
      received(signal);
    });
  }
  return promise;
}

/** An error that nothing caught may have left anything half done: the next start recovers what the store holds. */
function exitOnDefect(log: ServerLog): void {
  const exit = (error: unknown) => {
    log.error({ error }, "a defect of the server: it ends, and nothing accepted is lost");
    void log.flush().finally(() => process.exit(1));
  };
  process.on("uncaughtException", exit);
  process.on("unhandledRejection", exit);
}

function reasonOf(error: unknown): string {
  if (error instanceof ConfigError) return error.faults.map((fault) => `- ${fault}`).join("\n");
  if (error instanceof StoreOpenError || error instanceof ListenError || error instanceof ScratchError)
    return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
