import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { ConfigError, readConfig, settings } from "../src/config.ts";

const key = "0123456789abcdef";

describe("defaults", () => {
  const documented = {
    host: "127.0.0.1",
    port: 8_000,
    database: { kind: "sqlite", path: "./data/taskflow.db" },
    tasksDir: "./tasks",
    numWorkers: 4,
    concurrency: 1,
    maxQueueSize: Number.POSITIVE_INFINITY,
    defaultMaxRetries: 3,
    defaultTimeoutMs: 300_000,
    killGraceMs: 2_000,
    shutdownGraceMs: 30_000,
    workerMemoryMb: 512,
    workerMaxAttempts: 10_000,
    watch: "auto",
    logLevel: "info",
    logFormat: null,
    apiKeys: [],
    corsOrigins: null,
    retentionCompletedMs: 86_400_000,
    retentionFailedMs: 2_592_000_000,
    handlerEnv: [],
  } as const;

  test("an empty environment gives the documented ones", () => {
    expect(readConfig({})).toEqual(documented);
  });

  test("an empty variable counts as unset, an unknown one too", () => {
    const empty = Object.fromEntries([...settings.map(({ name }) => name), "TASKFLOW_NOPE"].map((name) => [name, " "]));
    expect(readConfig({ ...empty, TASKFLOW_PORT: undefined })).toEqual(documented);
  });

  test("variables of clients and of others are left alone", () => {
    expect(readConfig({ TASKFLOW_URL: "x", TASKFLOW_API_KEY: "y", PORT: "z", PATH: "/bin" })).toEqual(documented);
  });
});

describe("values", () => {
  test.each([
    ["HOST", "0.0.0.0", { host: "0.0.0.0" }],
    ["HOST", "[::1]", { host: "::1" }],
    ["HOST", "node-1.example.com", { host: "node-1.example.com" }],
    ["PORT", "0", { port: 0 }],
    ["PORT", " 65535\r", { port: 65_535 }],
    ["DATABASE", "sqlite:/var/lib/x y.db", { database: { kind: "sqlite", path: "/var/lib/x y.db" } }],
    ["DATABASE", "sqlite::memory:", { database: { kind: "sqlite", path: ":memory:" } }],
    ["TASKS_DIR", "/srv/my tasks", { tasksDir: "/srv/my tasks" }],
    ["NUM_WORKERS", "0", { numWorkers: 0 }],
    ["CONCURRENCY", "1000", { concurrency: 1_000 }],
    ["MAX_QUEUE_SIZE", "10000", { maxQueueSize: 10_000 }],
    ["DEFAULT_MAX_RETRIES", "0", { defaultMaxRetries: 0 }],
    ["DEFAULT_TIMEOUT", "0.0015", { defaultTimeoutMs: 2 }],
    ["DEFAULT_TIMEOUT", "315360000", { defaultTimeoutMs: 315_360_000_000 }],
    ["KILL_GRACE", ".25", { killGraceMs: 250 }],
    ["SHUTDOWN_GRACE", "0", { shutdownGraceMs: 0 }],
    ["WORKER_MEMORY_MB", "64", { workerMemoryMb: 64 }],
    ["WORKER_MAX_ATTEMPTS", "1", { workerMaxAttempts: 1 }],
    ["WATCH", "poll", { watch: "poll" }],
    ["LOG_LEVEL", "WARN", { logLevel: "warn" }],
    ["LOG_LEVEL", "silent", { logLevel: "silent" }],
    ["LOG_FORMAT", "json", { logFormat: "json" }],
    ["API_KEYS", `ci:${key}`, { apiKeys: [{ name: "ci", key, scope: "write" }] }],
    ["API_KEYS", `a:${key}1:read`, { apiKeys: [{ name: "a", key: `${key}1`, scope: "read" }] }],
    [
      "CORS_ORIGINS",
      "HTTPS://A.example:443, http://[::1]:3000",
      { corsOrigins: ["https://a.example", "http://[::1]:3000"] },
    ],
    ["CORS_ORIGINS", "tauri://Localhost,tauri://localhost", { corsOrigins: ["tauri://localhost"] }],
    ["RETENTION_COMPLETED", "1.5", { retentionCompletedMs: 1_500 }],
    ["RETENTION_FAILED", "60", { retentionFailedMs: 60_000 }],
    ["HANDLER_ENV", "SMTP_URL, SMTP_FROM,SMTP_URL", { handlerEnv: ["SMTP_URL", "SMTP_FROM"] }],
  ])("%s=%s", (name, value, expected) => {
    expect(readConfig({ [`TASKFLOW_${name}`]: value })).toMatchObject(expected);
  });

  test("nothing in it can be changed", () => {
    const config = readConfig({ TASKFLOW_API_KEYS: `ci:${key}`, TASKFLOW_CORS_ORIGINS: "http://a" });
    const values: readonly unknown[] = [config, ...Object.values(config), ...config.apiKeys];
    expect(values.filter((value) => !Object.isFrozen(value))).toEqual([]);
    expect(() => Object.assign(config, { port: 1 })).toThrow(TypeError);
  });
});

describe("faults", () => {
  test.each([
    ["HOST", "http://localhost", "host name or an IP address"],
    ["HOST", "localhost:8000", "host name or an IP address"],
    ["HOST", "127.0.0.256", "host name or an IP address"],
    ["HOST", "*", "host name or an IP address"],
    ["PORT", "65536", "whole number from 0 to 65535"],
    ["PORT", "-1", "whole number"],
    ["PORT", "80a", "whole number"],
    ["PORT", "8e3", "whole number"],
    ["PORT", "0x50", "whole number"],
    ["DATABASE", "./data.db", "sqlite:PATH or sqlite::memory:"],
    ["DATABASE", "sqlite:", "sqlite:PATH or sqlite::memory:"],
    ["DATABASE", "sqlite::memory", "sqlite::memory:"],
    ["DATABASE", "sqlite://data/x.db", "right after sqlite:"],
    ["DATABASE", "postgres://db/taskflow", "not supported by this version"],
    ["DATABASE", "mysql://db/taskflow", "sqlite:PATH"],
    ["NUM_WORKERS", "257", "from 0 to 256"],
    ["NUM_WORKERS", "1.5", "whole number"],
    ["CONCURRENCY", "0", "from 1 to 1000"],
    ["MAX_QUEUE_SIZE", "-1", "from 0 to"],
    ["DEFAULT_MAX_RETRIES", "101", "from 0 to 100"],
    ["DEFAULT_TIMEOUT", "0", "seconds from 0.001 to 315360000"],
    ["DEFAULT_TIMEOUT", "315360001", "seconds from 0.001 to 315360000"],
    ["DEFAULT_TIMEOUT", "30s", "without a unit"],
    ["KILL_GRACE", "Infinity", "seconds from 0 to 3600"],
    ["SHUTDOWN_GRACE", "NaN", "seconds from 0 to 86400"],
    ["WORKER_MEMORY_MB", "16", "from 64 to"],
    ["WORKER_MAX_ATTEMPTS", "0", "from 1 to"],
    ["WATCH", "on", "must be auto, off or poll"],
    ["LOG_LEVEL", "loud", "must be debug, info, warn, error or silent"],
    ["LOG_FORMAT", "xml", "must be pretty or json"],
    ["CORS_ORIGINS", "http://a,*", "entry 2 must be an origin in full: with * any web page could act"],
    ["CORS_ORIGINS", "https://*.example.com", "with * any web page could act"],
    ["CORS_ORIGINS", "null", "sandboxed"],
    ["CORS_ORIGINS", "http://a/", "scheme://host or scheme://host:port"],
    ["CORS_ORIGINS", "example.com", "scheme://host or scheme://host:port"],
    ["CORS_ORIGINS", "http://a:99999", "scheme://host or scheme://host:port"],
    ["CORS_ORIGINS", "http://a,", "entry 2 must not be empty"],
    ["RETENTION_COMPLETED", "0", "seconds from 1 to 315360000"],
    ["RETENTION_FAILED", "1d", "without a unit"],
    ["HANDLER_ENV", "A,TASKFLOW_DATABASE", "entry 2 must not be TASKFLOW_DATABASE"],
    ["HANDLER_ENV", "TASKFLOW_API_KEYS", "the server's secret"],
    ["HANDLER_ENV", "SMTP-URL", "variable's name alone"],
  ])("%s=%s is refused with value, expectation and example", (name, value, expected) => {
    const [fault, ...others] = faultsOf({ [`TASKFLOW_${name}`]: value });
    expect(others).toEqual([]);
    expect(fault).toStartWith(`TASKFLOW_${name} is ${JSON.stringify(value)}: `);
    expect(fault).toContain(expected);
    expect(fault).toMatch(/, for example \S+/);
  });

  test("all are told at once, one a line", () => {
    const env = { TASKFLOW_PORT: "x", TASKFLOW_WATCH: "y\nz", TASKFLOW_NOPE: "1", TASKFLOW_CORS_ORIGINS: "*,null" };
    const faults = faultsOf(env);
    expect(faults.map((fault) => fault.split(" ")[0])).toEqual([
      "TASKFLOW_NOPE",
      "TASKFLOW_PORT",
      "TASKFLOW_WATCH",
      "TASKFLOW_CORS_ORIGINS",
      "TASKFLOW_CORS_ORIGINS",
    ]);
    expect(() => readConfig(env)).toThrow(faults.join("\n"));
  });

  test("an unknown variable is told with the nearest known one and without its value", () => {
    expect(faultsOf({ TASKFLOW_APIKEYS: key })).toEqual([
      "TASKFLOW_APIKEYS is no variable of this server. Did you mean 'TASKFLOW_API_KEYS'?",
    ]);
    expect(faultsOf({ taskflow_port: "9" })[0]).toContain("Did you mean 'TASKFLOW_PORT'?");
    expect(faultsOf({ TASKFLOW_SOMETHING_ELSE_ALTOGETHER: "1" })[0]).toContain(".env.example");
  });

  test.each([
    [`${key}`, ["entry 1 must be name:key, name:key:read or name:key:write"]],
    [`ci:${key.slice(1)}`, ["entry 1 must have a key of 16 to 256 characters"]],
    [`${key}:ci`, ["entry 1 must have a key of 16 to 256 characters"]],
    [`ci:${key}:admin`, ["entry 1 must end in :read or :write, or without a scope"]],
    [`ci:${key}:read:x`, ["entry 1 must be name:key, name:key:read or name:key:write"]],
    [`ci:${key}é`, ["entry 1 must have a key of letters, digits and . _ ~ + - only"]],
    [`:${key}`, ["entry 1 must have a name of 1 to 64 letters, digits and . _ -"]],
    [`a:${key},,b:${key}2`, ["entry 2 must not be empty"]],
    [`a:${key},b:${key}2,a:${key}3`, ["entry 3 must have a name that no other entry has"]],
    [`a:${key},b:${key}`, ["entry 2 must have a key that no other entry has"]],
    [`a b:${key},${key},c:short`, ["entry 1 must have a name", "entry 2 must be name:key", "entry 3 must have a key"]],
  ])("the keys %s are refused by number, and never shown", (keys, expected) => {
    const faults = faultsOf({ TASKFLOW_API_KEYS: keys });
    expect(faults).toHaveLength(expected.length);
    for (const [index, text] of expected.entries()) expect(faults[index]).toContain(text);
    expect(faults.join("\n")).not.toContain(key.slice(1));
    expect(faults.join("\n")).not.toContain("short");
  });

  test.each([
    ["DATABASE", "postgres://app:hush@db/taskflow"],
    ["DATABASE", "mysql://db/taskflow?password=hush"],
    ["CORS_ORIGINS", "https://app:hush@a.example"],
    ["HANDLER_ENV", "SMTP_PASSWORD=hush"],
  ])("a password in %s is not shown", (name, value) => {
    const [fault] = faultsOf({ [`TASKFLOW_${name}`]: value });
    expect(fault).toStartWith(`TASKFLOW_${name} is (not shown): `);
    expect(fault).not.toContain("hush");
  });
});

describe(".env.example", () => {
  test("lists exactly the known variables, each with its default below its description", async () => {
    const text = await Bun.file(resolve(import.meta.dir, "../.env.example")).text();
    const listed = [...text.matchAll(/^# (.+)\.\n# (TASKFLOW_\w+)=(.*)$/gm)].map(([, description, name, value]) => ({
      name,
      default: value,
      description,
    }));
    const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }) =>
      String(a.name).localeCompare(String(b.name));
    expect(listed.sort(byName)).toEqual(settings.toSorted(byName));
    expect(text.match(/^[^#\n].*$/gm)).toBeNull();
    expect(text.match(/^# ?TASKFLOW_\w+=/gm)).toHaveLength(settings.length);
  });
});

test("the README lists exactly the known variables, each with its default and description", async () => {
  // The formatter pads the table's cells.
  const text = (await Bun.file(resolve(import.meta.dir, "../README.md")).text()).replace(/ {2,}/g, " ");
  const cell = (value: string) => value.replaceAll("|", "\\|");
  for (const { name, default: usual, description } of settings) {
    expect(text).toContain(`| \`${name}\` |${usual === "" ? "" : ` \`${usual}\``} | ${cell(description)} |\n`);
  }
  expect(text.match(/^\| `TASKFLOW_/gm)).toHaveLength(settings.length);
});

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}
