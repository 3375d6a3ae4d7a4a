import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

export interface Options {
  readonly rounds: number;
  readonly seconds: number;
  /** Names of the groups to measure. */
  readonly only: readonly string[];
  readonly json: boolean;
  readonly dir: string;
  readonly help: boolean;
}

/** What was asked for cannot be done; the message says why. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const usage = (groups: readonly string[]) => `Usage: bun run bench [options]

  --rounds N      how often everything is measured, alternating (default 5)
  --seconds S     how long each measurement of a round takes, more or less (default 2)
  --only LIST     some of ${groups.join(",")}
  --dir FOLDER    where the databases lie while it runs (default: data/ of the checkout)
  --json          print the result as JSON
`;

/**
 * @param usual the groups that are measured when none are named.
 * @throws UsageError
 */
export function readOptions(args: readonly string[], groups: readonly string[], usual = groups): Options {
  const { values } = parse(args);
  const only = values.only?.split(",") ?? usual;
  const unknown = only.find((name) => !groups.includes(name));
  if (unknown !== undefined) throw new UsageError(`--only knows ${groups.join(", ")}, not '${unknown}'`);
  const rounds = positive("--rounds", values.rounds);
  if (!Number.isInteger(rounds)) throw new UsageError("--rounds must be a whole number");
  return {
    rounds,
    seconds: positive("--seconds", values.seconds),
    only,
    json: values.json,
    dir: resolve(values.dir),
    help: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        rounds: { type: "string", default: "5" },
        seconds: { type: "string", default: "2" },
        only: { type: "string" },
        dir: { type: "string", default: join(import.meta.dir, "../data") },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false, short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`${name} must be a number above 0, not '${text}'`);
}
