import { longestSeconds } from "./domain/handler.ts";
import { didYouMean } from "./domain/suggest.ts";
import { logLevels } from "./domain/task.ts";
import {
  apiKeys,
  database,
  host,
  integer,
  list,
  oneOf,
  optional,
  origin,
  secondsAsMs,
  Unfit,
  variableName,
} from "./setting.ts";

/** One variable of the environment: how it is named, read and explained. */
interface Setting<Value> {
  readonly name: string;
  /** As one would write it; `""` leaves it unset. */
  readonly default: string;
  readonly description: string;
  /** A good value for who gave a bad one, when the default does not serve. */
  readonly example?: string;
  /** @throws Unfit */
  readonly parse: (text: string) => Value;
  /** Whether a refused value must stay out of the message. */
  readonly hides?: (text: string) => boolean;
}

const table = {
  host: {
    name: "TASKFLOW_HOST",
    default: "127.0.0.1",
    description: "Address to listen on; any but a loopback address asks for API keys",
    example: "0.0.0.0",
    parse: host,
  },
  port: {
    name: "TASKFLOW_PORT",
    default: "8000",
    description: "Port to listen on; 0 lets the system choose",
    parse: integer(0, 65_535),
  },
  database: {
    name: "TASKFLOW_DATABASE",
    default: "sqlite:./data/taskflow.db",
    description: "Where tasks are kept: sqlite:PATH, or sqlite::memory: to forget them at the stop",
    parse: database,
    hides: (text) => /[@?]/.test(text),
  },
  tasksDir: {
    name: "TASKFLOW_TASKS_DIR",
    default: "./tasks",
    description: "Folder of the handlers",
    parse: (text) => text,
  },
  numWorkers: {
    name: "TASKFLOW_NUM_WORKERS",
    default: "4",
    description: "Worker processes; 0 accepts and stores tasks and runs none",
    parse: integer(0, 256),
  },
  concurrency: {
    name: "TASKFLOW_CONCURRENCY",
    default: "1",
    description: "Attempts that each worker runs at once",
    parse: integer(1, 1_000),
  },
  /** Infinity for no limit. */
  maxQueueSize: {
    name: "TASKFLOW_MAX_QUEUE_SIZE",
    default: "0",
    description: "Tasks that may wait before submissions get a 429; 0 for no limit",
    example: "10000",
    parse: (text) => integer(0, 1_000_000_000)(text) || Number.POSITIVE_INFINITY,
  },
  defaultMaxRetries: {
    name: "TASKFLOW_DEFAULT_MAX_RETRIES",
    default: "3",
    description: "Attempts after the first, unless the handler or the submission says otherwise",
    parse: integer(0, 100),
  },
  defaultTimeoutMs: {
    name: "TASKFLOW_DEFAULT_TIMEOUT",
    default: "300",
    description: "Seconds that an attempt may take, unless the handler or the submission says otherwise",
    parse: secondsAsMs(0.001, longestSeconds),
  },
  killGraceMs: {
    name: "TASKFLOW_KILL_GRACE",
    default: "2",
    description: "Seconds from a timeout or a cancel, which a handler may heed, to the end by force",
    parse: secondsAsMs(0, 3_600),
  },
  shutdownGraceMs: {
    name: "TASKFLOW_SHUTDOWN_GRACE",
    default: "30",
    description: "Seconds that running attempts get when the server stops",
    parse: secondsAsMs(0, 86_400),
  },
  workerMemoryMb: {
    name: "TASKFLOW_WORKER_MEMORY_MB",
    default: "512",
    description: "Megabytes at which a worker is killed",
    parse: integer(64, 1_048_576),
  },
  workerMaxAttempts: {
    name: "TASKFLOW_WORKER_MAX_ATTEMPTS",
    default: "10000",
    description: "Attempts after which a fresh worker takes a worker's place",
    parse: integer(1, 1_000_000_000),
  },
  watch: {
    name: "TASKFLOW_WATCH",
    default: "auto",
    description: "How changed handlers are noticed: auto, poll (for mounted volumes) or off",
    example: "poll",
    parse: oneOf("auto", "off", "poll"),
  },
  logLevel: {
    name: "TASKFLOW_LOG_LEVEL",
    default: "info",
    description: "The least that is logged: debug, info, warn, error, or silent for nothing",
    example: "debug",
    parse: oneOf(...logLevels, "silent"),
  },
  /** Null: the terminal decides. */
  logFormat: {
    name: "TASKFLOW_LOG_FORMAT",
    default: "",
    description: "pretty or json; unset, it is pretty on a terminal and json elsewhere",
    example: "json",
    parse: optional(oneOf("pretty", "json")),
  },
  apiKeys: {
    name: "TASKFLOW_API_KEYS",
    default: "",
    description: "Who may use the API: name:key[:read|write], separated by commas; write unless it says read",
    example: "ci:KEY:write with a KEY from `openssl rand -hex 16`",
    parse: apiKeys,
    hides: () => true,
  },
  /** Null: loopback origins. */
  corsOrigins: {
    name: "TASKFLOW_CORS_ORIGINS",
    default: "",
    description: "Origins of web pages that may use the API, separated by commas; unset, loopback ones",
    example: "https://app.example.com,http://localhost:3000",
    parse: optional(list(origin)),
    hides: (text) => /[@?]/.test(text),
  },
  retentionCompletedMs: {
    name: "TASKFLOW_RETENTION_COMPLETED",
    default: "86400",
    description: "Seconds for which completed and cancelled tasks are kept",
    parse: secondsAsMs(1, longestSeconds),
  },
  retentionFailedMs: {
    name: "TASKFLOW_RETENTION_FAILED",
    default: "2592000",
    description: "Seconds for which failed tasks are kept",
    parse: secondsAsMs(1, longestSeconds),
  },
  handlerWaitMs: {
    name: "TASKFLOW_HANDLER_WAIT",
    default: "3600",
    description: "Seconds that a task waits for a handler that is gone or does not load, before it fails",
    parse: secondsAsMs(0, longestSeconds),
  },
  handlerEnv: {
    name: "TASKFLOW_HANDLER_ENV",
    default: "",
    description: "Names of further variables that handlers see, separated by commas",
    example: "SMTP_URL,SMTP_FROM",
    parse: list(variableName),
    hides: (text) => text.includes("="),
  },
} satisfies Record<string, Setting<unknown>>;

/** What the server is told by its environment. Frozen, inside and out. */
export type Config = { readonly [Key in keyof typeof table]: ReturnType<(typeof table)[Key]["parse"]> };

/** A variable for whoever documents it; the default as one would write it, `""` for none. */
export interface DescribedSetting {
  readonly name: string;
  readonly default: string;
  readonly description: string;
}

/** Every variable there is. */
export const settings: readonly DescribedSetting[] = Object.values(table).map(describe);

export function settingOf(key: keyof Config): DescribedSetting {
  return describe(table[key]);
}

function describe({ name, default: usual, description }: DescribedSetting): DescribedSetting {
  return { name, default: usual, description };
}

/** Lists everything that is wrong with the environment, one fault a line, and no secret. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.faults = faults;
  }
}

/**
 * Reads the configuration from `env`. An empty variable counts as unset.
 * @throws ConfigError with every fault at once, unknown TASKFLOW_ variables included.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const faults = unknownVariables(env);
  const values = Object.entries<Setting<unknown>>(table).map(([key, setting]) => {
    const text = env[setting.name]?.trim() || setting.default;
    try {
      return [key, setting.parse(text)] as const;
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      faults.push(...error.complaints.map((complaint) => sentence(setting, text, complaint)));
      return [key, undefined] as const;
    }
  });
  if (faults.length > 0) throw new ConfigError(faults);
  // fromEntries forgets which key has which type; the table, from which both come, says it.
  return deepFreeze(Object.fromEntries(values) as Config);
}

/** What clients on the same machine use. */
const clientVariables = ["TASKFLOW_URL", "TASKFLOW_API_KEY"];

function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = settings.map(({ name }) => name);
  return Object.entries(env)
    .filter(([name, value]) => /^taskflow_/i.test(name) && Boolean(value?.trim()))
    .filter(([name]) => !known.includes(name) && !clientVariables.includes(name))
    .map(([name]) => {
      // Its value stays out of the message: it may be a key under a misspelt name.
      const hint = didYouMean(name, known) || " .env.example lists those there are.";
      return `${name} is no variable of this server.${hint}`;
    });
}

function sentence(
  { name, default: usual, example = usual, hides }: Setting<unknown>,
  text: string,
  fault: string,
): string {
  const given = hides?.(text) ? "(not shown)" : JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
  return `${name} is ${given}: ${fault}, for example ${example}`;
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
