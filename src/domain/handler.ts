import { type Static, type TObject, Type } from "@sinclair/typebox";
import { type CatchUp, catchUps, type Overlap, overlaps } from "./periodic.ts";
import { type LogLevel, type Priority, type PriorityName, priorities } from "./task.ts";

/** What a handler's `run` gets beside its input. */
export interface AttemptContext {
  readonly taskId: string;
  /** From 1 to `maxAttempts`; an interrupted attempt is not counted. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Aborts at the timeout, on a cancel and when the server stops; the grace begins then. */
  readonly signal: AbortSignal;
  /** Reports how far the attempt is: a fraction from 0 to 1, and a word on it. */
  progress(fraction: number, message?: string): void;
  /** Lines for the task's log. `console.*` goes there too. */
  readonly log: Readonly<Record<LogLevel, (...values: unknown[]) => void>>;
  /** Waits `ms` milliseconds; rejects with the signal's reason when it aborts. */
  sleep(ms: number): Promise<void>;
  /** The time a periodic task was due at, or null. */
  readonly scheduledFor: Date | null;
  /** The time the same periodic task was due at before, or null. */
  readonly lastRunAt: Date | null;
  /**
   * For the header of that name in requests of its own, so that they join the trace; null when there is none.
   * Of the W3C: `00-TRACE-SPAN-FLAGS`.
   */
  readonly traceparent: string | null;
}

/** When a handler wants to be run. */
export interface Schedule<Input extends TObject = TObject> {
  /** Of the periodic task; the handler's own name unless given. In a list each has a name of its own. */
  readonly name?: string;
  /** Five fields, six with seconds before them, or a name such as `@daily`. */
  readonly cron: string;
  /** An IANA name; UTC unless given. */
  readonly timezone?: string;
  /** The input of its tasks, by name; what has a default may be left out. */
  readonly input?: Partial<Static<NoInfer<Input>>>;
  /** What becomes of a time that comes while the task of an earlier one is not final yet; `skip` unless given. */
  readonly overlap?: Overlap;
  /** What becomes of times that passed while the server was down; `latest` unless given. */
  readonly catchUp?: CatchUp;
  /** These three are the handler's own unless given. */
  readonly priority?: PriorityName | Priority;
  readonly maxRetries?: number;
  readonly timeout?: number;
}

/** What a file in the tasks folder exports by default. */
export interface TaskDefinition<Input extends TObject = TObject, Output = unknown> {
  readonly description?: string;
  /** Without it the handler takes any `kwargs`, as one object, and no `args`. */
  readonly input?: Input;
  /** Seconds one attempt may take. */
  readonly timeout?: number;
  /** Attempts after the first. */
  readonly maxRetries?: number;
  readonly priority?: PriorityName | Priority;
  /** Seconds before retry n: `min(cap, base * 2^(n-1))`, plus or minus `jitter` of it (0 to 1). */
  readonly backoff?: { readonly base?: number; readonly cap?: number; readonly jitter?: number };
  /** A cron expression, or more on when to run it, or several of that. */
  readonly schedule?: string | Schedule<Input> | readonly Schedule<Input>[];
  run(input: Static<Input>, ctx: AttemptContext): Output | Promise<Output>;
}

/** Types a handler; returns it as it is. */
export function defineTask<Input extends TObject, Output>(
  definition: TaskDefinition<Input, Output>,
): TaskDefinition<Input, Output> {
  return definition;
}

/** The longest timeout, delay or backoff: ten years, which every timer and date here can hold. */
export const longestSeconds = 315_360_000;

const seconds = (description: string, minimum: { minimum: number } | { exclusiveMinimum: number }) =>
  Type.Number({ description, maximum: longestSeconds, ...minimum });

export const prioritySchema = Type.Union([Type.Integer({ minimum: 0, maximum: 3 }), Type.Enum(priorityNames())], {
  description: "0 to 3, or critical, high, normal, low; the lowest number runs first",
});

const attemptOptions = {
  timeout: Type.Optional(seconds("Seconds one attempt may take", { exclusiveMinimum: 0 })),
  maxRetries: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  priority: Type.Optional(prioritySchema),
};

/** What the server knows of a handler's options: its definition without the code. */
export const handlerOptionsSchema = Type.Object(
  {
    description: Type.Optional(Type.String()),
    input: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    ...attemptOptions,
    backoff: Type.Optional(
      Type.Object(
        {
          base: Type.Optional(seconds("Seconds before the first retry", { minimum: 0 })),
          cap: Type.Optional(seconds("Seconds at most", { minimum: 0 })),
          jitter: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
        },
        { additionalProperties: false },
      ),
    ),
    /** One at a time by `scheduleSchema`, which says more of a fault than a union can. */
    schedule: Type.Optional(Type.Unknown()),
  },
  { additionalProperties: false },
);
export type HandlerOptions = Static<typeof handlerOptionsSchema>;

/** A `Schedule` as plain JSON. */
export const scheduleSchema = Type.Object(
  {
    name: Type.Optional(Type.String()),
    cron: Type.String(),
    timezone: Type.Optional(Type.String()),
    input: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    overlap: Type.Optional(Type.Union(overlaps.map(literal), { description: "skip, allow or replace" })),
    catchUp: Type.Optional(Type.Union(catchUps.map(literal), { description: "latest, none or all" })),
    ...attemptOptions,
  },
  { additionalProperties: false },
);

/** `priority` as its number. */
export function priorityNumber(priority: Static<typeof prioritySchema>): Priority {
  return typeof priority === "number" ? (priority as Priority) : priorities[priority];
}

function literal<Value extends string>(value: Value) {
  return Type.Literal(value);
}

function priorityNames(): { [name in PriorityName]: name } {
  return { critical: "critical", high: "high", normal: "normal", low: "low" };
}

const endings = /\.(ts|tsx|js|mjs)$/;

/**
 * The handler's name for a file below the tasks folder, or null when the file is none.
 * @param path relative, with forward slashes: `db/backup.ts` is `db:backup`, `db/index.ts` is `db`.
 */
export function handlerName(path: string): string | null {
  const segments = path.split("/");
  if (segments.some((segment) => segment.startsWith("_") || segment.startsWith(".") || segment === "node_modules")) {
    return null;
  }
  if (!endings.test(path) || /\.test\.[^.]+$/.test(path) || path.endsWith(".d.ts")) return null;
  const names = path.replace(endings, "").split("/");
  if (names.length > 1 && names.at(-1) === "index") names.pop();
  return names.join(":");
}
