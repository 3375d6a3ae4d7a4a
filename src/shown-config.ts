import { basename } from "node:path";
import { type Config, settingOf } from "./config.ts";
import type { ShownSetting } from "./http/about.ts";

/**
 * The configuration in effect as whoever may read sees it: durations in seconds, of keys the name and scope alone, and of
 * folders and files no more than their name.
 */
export function shownConfig(config: Config): readonly ShownSetting[] {
  const { database, tasksDir, apiKeys, maxQueueSize } = config;
  const show = (key: keyof Config, value: ShownSetting["value"]) => ({ ...settingOf(key), value });
  return [
    show("host", config.host),
    show("port", config.port),
    show("database", `sqlite:${database.path === ":memory:" ? database.path : basename(database.path)}`),
    show("tasksDir", basename(tasksDir)),
    show("numWorkers", config.numWorkers),
    show("concurrency", config.concurrency),
    show("maxQueueSize", Number.isFinite(maxQueueSize) ? maxQueueSize : 0),
    show("defaultMaxRetries", config.defaultMaxRetries),
    show("defaultTimeoutMs", config.defaultTimeoutMs / 1_000),
    show("killGraceMs", config.killGraceMs / 1_000),
    show("shutdownGraceMs", config.shutdownGraceMs / 1_000),
    show("workerMemoryMb", config.workerMemoryMb),
    show("workerMaxAttempts", config.workerMaxAttempts),
    show("watch", config.watch),
    show("logLevel", config.logLevel),
    show("logFormat", config.logFormat),
    show(
      "apiKeys",
      apiKeys.map(({ name, scope }) => `${name} (${scope})`),
    ),
    show("corsOrigins", config.corsOrigins),
    show("retentionCompletedMs", config.retentionCompletedMs / 1_000),
    show("retentionFailedMs", config.retentionFailedMs / 1_000),
    show("handlerWaitMs", config.handlerWaitMs / 1_000),
    show("handlerEnv", config.handlerEnv),
  ];
}
