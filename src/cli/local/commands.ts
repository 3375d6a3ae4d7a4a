import { type Command, InvalidArgumentError } from "commander";
import { addCommand, report } from "../command.ts";
import { Failure, usageFailure } from "../failure.ts";
import { Output } from "../output.ts";
import { wholeNumber } from "../values.ts";

interface CronOptions {
  readonly tz: string;
  readonly count: number;
  readonly from?: number;
}

/** Adds what needs no server. What these do is loaded when they are run: it is most of the program. */
export function addLocalCommands(program: Command): void {
  addCommand(program, "start", "Start a server, as its environment says", [
    "start",
    "start > taskflow.log    # the log as JSON lines",
  ])
    .addHelpText("after", `\n${startHelp}`)
    .action(async () => {
      await import("../../main.ts");
    });
  addCommand(program, "backup <file>", "Copy the database that TASKFLOW_DATABASE names to a new file", [
    "backup backups/monday.db    # also while a server works with it",
  ]).action((file: string) => run(async () => (await import("./backup.ts")).backUpTo(file)));
  addCommand(program, "cron <expression...>", "Say what a cron expression means and when it comes due next", [
    'cron "30 2 * * *" --tz Europe/Berlin',
    "cron @hourly --from 2026-03-28T00:00:00Z --count 3    # quoted, or the shell reads its stars",
  ])
    .usage("[options] <expression>")
    .option("--tz <zone>", "an IANA time zone such as Europe/Berlin", "UTC")
    .option("--count <n>", "how many times to list", wholeNumber(1, 1_000), 10)
    .option("--from <time>", "list what follows this time, such as 2026-03-28T00:00:00Z (default: now)", instant)
    .action((words: readonly string[], { tz, count, from = Date.now() }: CronOptions) =>
      run(async () => (await import("./cron.ts")).explain(oneArgument(words), tz, count, from)),
    );
}

const startHelp = `It reads TASKFLOW_… variables, also from .env: .env.example and the README list them. Handlers come from
./tasks, the database is ./data/taskflow.db, and it listens on http://127.0.0.1:8000, unless they say otherwise.
SIGTERM or Ctrl-C: what runs gets TASKFLOW_SHUTDOWN_GRACE, what is left is queued again, exit code 0.`;

/** Prints the lines that `work` makes. */
async function run(work: () => Promise<readonly string[]>): Promise<void> {
  const output = new Output();
  try {
    output.line(...(await work()));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    report(error, output, "text");
  }
}

/** The expression; without quotes it comes as the words that the shell made of it. */
function oneArgument(words: readonly string[]): string {
  const [expression = ""] = words;
  if (words.length === 1) return expression;
  const whole = words.every((word) => /^[\w*,/#+-]+$/.test(word)) ? words.join(" ") : "*/5 * * * *";
  throw usageFailure(`The expression is one argument: put it in quotes, "${whole}".`);
}

/** A time with its offset: what is listed is in another zone than this machine's clock. */
function instant(text: string): number {
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d.*(Z|[+-]\d\d:\d\d)$/i.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new InvalidArgumentError("It is a time with its offset, such as 2026-03-28T00:00:00Z.");
}
