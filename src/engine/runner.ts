import type { BindInput } from "../domain/input.ts";
import type { DeclaredEntry } from "../domain/periodic.ts";
import type { Backoff } from "../domain/retry.ts";
import type { LogLevel, Priority, Progress } from "../domain/task.ts";
import type { Outcome } from "../domain/transition.ts";

/** One attempt to run. */
export interface AttemptRequest {
  readonly taskId: string;
  readonly funcName: string;
  /** Validated, with defaults. */
  readonly input: unknown;
  /** The lease: with the task's id it names this attempt and no other. */
  readonly lease: number;
  /** As the handler counts, from 1 to `maxAttempts`. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly scheduledFor: number | null;
  readonly lastRunAt: number | null;
  readonly traceparent: string | null;
  /** Whether it is of a handler that is quick, so that it may wait for others of the kind and they for it. */
  readonly isQuick: boolean;
}

/** What a runner tells of an attempt: that it began and, last, that it ended; or that it was returned. Each once at most. */
export interface AttemptListener {
  /** It begins now. May come before `start` has returned. */
  began(): void;
  log(level: LogLevel, message: string): void;
  progress(progress: Progress): void;
  /** @param ranMs how long the handler took, as its worker says; null when that could not say. */
  ended(outcome: Outcome, worker: string, ranMs: number | null): void;
  /** It never began and never will: no worker could come to it. */
  returned(): void;
}

export type AbortReason = "timeout" | "cancelled" | "shutdown";

/** An attempt that a runner was given. */
export interface RunningAttempt {
  /** The name of the worker that it is with. Until it begins that may change. */
  readonly worker: string;
  /** Takes it back if it has not begun: nothing more is told of it then. Says whether it did. */
  recall(): boolean;
  /** Tells the handler to stop, by its signal. */
  abort(reason: AbortReason): void;
  /** Ends it by force, by killing its worker when nothing less does. `ended` follows. */
  kill(): void;
}

/** What keeps a worker within its memory: the kernel, the server that looks at what it holds, or nothing. */
export const memoryGuards = ["cgroup", "rss", "none"] as const;
export type MemoryGuard = (typeof memoryGuards)[number];

export interface WorkerState {
  readonly id: string;
  readonly pid: number;
  readonly state: "starting" | "idle" | "busy" | "retiring";
  /** Ids of the tasks it runs. */
  readonly tasks: readonly string[];
  /** Attempts it has run. */
  readonly attempts: number;
  readonly rssBytes: number | null;
  readonly memoryGuard: MemoryGuard;
  readonly startedAt: number;
  /** The generation of the handlers that it has loaded. */
  readonly generation: number;
}

/** Runs attempts in isolation. The engine starts no more than `free()`, and `ahead()` quick ones. */
export interface Runner {
  /** Attempts that can run at once when all workers are up. */
  readonly slots: number;
  /** Attempts that can begin now. */
  free(): number;
  /** Quick attempts that can be started beside these, to wait in a worker for other quick ones to end. */
  ahead(): number;
  start(request: AttemptRequest, listener: AttemptListener): RunningAttempt;
  /** Calls back whenever `free()` may have grown. */
  onFree(listener: () => void): void;
  workers(): readonly WorkerState[];
  /** Why workers do not start, or null. */
  fault(): string | null;
  /** Results that came from attempts which it had given up, since the start. */
  lateResults(): number;
  /** Ends every worker. */
  stop(): Promise<void>;
}

/** Why a file is no handler. The file is relative to the tasks folder. */
export interface LoadError {
  readonly message: string;
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
}

interface HandlerBase {
  readonly name: string;
  /** Relative to the tasks folder. */
  readonly file: string;
  /** Rises with every change of its code. */
  readonly generation: number;
}

export interface ReadyHandler extends HandlerBase {
  readonly status: "ready";
  readonly description: string | null;
  /** Plain JSON Schema, or null for a handler without one. */
  readonly inputSchema: Readonly<Record<string, unknown>> | null;
  readonly bind: BindInput;
  /** What the handler sets for itself; null where the server's default holds. */
  readonly timeoutMs: number | null;
  readonly maxRetries: number | null;
  readonly priority: Priority | null;
  readonly backoff: Backoff;
  /** The periodic tasks that it declares, each with a name of its own. */
  readonly schedules: readonly DeclaredEntry[];
}

export interface BrokenHandler extends HandlerBase {
  readonly status: "load_error";
  readonly error: LoadError;
  /** The last version that loaded, which serves on; null when there was none. */
  readonly serving: ReadyHandler | null;
}

export type Handler = ReadyHandler | BrokenHandler;

/** The version of a handler that runs its tasks, if there is one. */
export function servingHandler(handler: Handler | null): ReadyHandler | null {
  return handler?.status === "load_error" ? handler.serving : handler;
}

/** The handlers there are now. */
export interface HandlerCatalog {
  find(name: string): Handler | null;
  /** By name. */
  list(): readonly Handler[];
  /** Rises with every change of any of them. */
  readonly generation: number;
  /** The generation in which the handler of that name was last added, changed or removed; 0 for one that never was. */
  changedIn(name: string): number;
}

/** The periodic tasks that the handlers declare which serve now. */
export function declaredBy(catalog: Pick<HandlerCatalog, "list">): readonly DeclaredEntry[] {
  // Files that share a name share what serves it.
  const serving = new Set(catalog.list().map(servingHandler));
  return [...serving].flatMap((handler) => handler?.schedules ?? []);
}
