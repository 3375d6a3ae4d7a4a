import type { Priority } from "../domain/task.ts";

/** What someone asks for. Null means the handler's own setting, else the server's. */
export interface Submission {
  readonly funcName: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly priority: Priority | null;
  readonly maxRetries: number | null;
  readonly timeoutMs: number | null;
  readonly delayMs: number;
  /** Milliseconds since the epoch. */
  readonly runAt: number | null;
}
