/** What the command line exits with. Part of its contract with scripts: numbers are added, never changed. */
export const exitCodes = {
  ok: 0,
  /** The server refused, a task that was waited for failed or was cancelled, or the server is not healthy. */
  refused: 1,
  /** The command cannot be followed as it was written. */
  usage: 2,
  /** Nothing answers there, or nothing that is a TaskFlow. */
  unreachable: 3,
  /** The key is missing, wrong, or not allowed to do that. */
  denied: 4,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

export interface FailureDetails extends ErrorOptions {
  /** What to do about it: a sentence, or lines. */
  readonly advice?: string;
  /** What the server said, as it said it. */
  readonly problem?: Readonly<Record<string, unknown>>;
}

/** Ends the command: with a sentence for a person, what to do next, and an exit code. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly kind: keyof typeof exitCodes;
  readonly advice: string | null;
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(kind: keyof typeof exitCodes, message: string, { advice, problem, ...options }: FailureDetails = {}) {
    super(message, options);
    this.kind = kind;
    this.advice = advice ?? null;
    this.problem = problem ?? { code: kind, detail: message };
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }
}

/** The command was written wrongly; its help says how it is meant. */
export function usageFailure(message: string, advice?: string): Failure {
  return new Failure("usage", message, advice === undefined ? {} : { advice });
}
