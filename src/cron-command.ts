import { parseArgs } from "node:util";
import { inWords } from "./cron-words.ts";
import { CronError, parseCron } from "./domain/cron.ts";
import { findZone, type Zone } from "./domain/zone.ts";

const usage = `Usage: bun run cron "EXPRESSION" [options]

Says what a cron expression means and when it comes due next. Quote it, or the shell reads its stars.

  --tz ZONE     an IANA time zone such as Europe/Berlin (default UTC)
  --count N     how many times to list, 1 to 1000 (default 10)
  --from TIME   list what follows this time, such as 2026-03-28T00:00:00Z (default now)
  -h, --help    this text

Exit code: 0; 1 when the expression or the zone is wrong; 2 when the command is.
`;

/** The command line cannot be followed; the message says why. */
class UsageError extends Error {
  override readonly name = "UsageError";
}

/** `bun run cron "EXPRESSION"`: explains a cron expression and lists its next times. */
try {
  main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CronError || error instanceof UsageError)) throw error;
  console.error(error instanceof UsageError ? `${error.message}\n\n${usage.trimEnd()}` : error.message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

function main(given: readonly string[]): void {
  const { values, positionals } = parse(given);
  if (values.help) {
    console.log(usage.trimEnd());
    return;
  }
  const [expression] = positionals;
  if (expression === undefined) throw new UsageError("Which expression?");
  if (positionals.length > 1) throw new UsageError('The expression is one argument: put it in quotes, "*/5 * * * *".');
  const count = Number(values.count);
  if (!(Number.isInteger(count) && count >= 1 && count <= 1_000)) throw new UsageError("--count is from 1 to 1000.");
  const from = values.from === undefined ? Date.now() : instant(values.from);
  console.log(explain(expression, values.tz, count, from).join("\n"));
}

function parse(given: readonly string[]) {
  try {
    return parseArgs({
      args: [...given],
      allowPositionals: true,
      options: {
        tz: { type: "string", default: "UTC" },
        count: { type: "string", default: "10" },
        from: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`${error.message.split(". ")[0]}.`);
    throw error;
  }
}

function instant(text: string): number {
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d.*(Z|[+-]\d\d:\d\d)$/i.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new UsageError("--from is a time with its offset, such as 2026-03-28T00:00:00Z.");
  return at;
}

function explain(expression: string, timezone: string, count: number, from: number): string[] {
  const cron = parseCron(expression, timezone);
  const zone = findZone(cron.timezone);
  if (zone === null) throw new Error(`no zone ${cron.timezone}`);
  const times = cron.upcoming(from, count);
  return [
    `${inWords(expression)}, in ${cron.timezone}.`,
    "",
    ...times.map((at) =>
      `${date(zone.latestWall(at))}  ${new Date(at).toISOString()}  ${mark(expression, zone, at)}`.trimEnd(),
    ),
    ...(times.length < count ? ["No more until the year 3000."] : []),
  ];
}

function date(wall: number): string {
  const at = new Date(wall);
  return `${at.toUTCString().slice(0, 3)} ${at.toISOString().slice(0, 19).replace("T", " ")}`;
}

/** What a change of the zone's clock does to a time that is due, or `""`. */
function mark(expression: string, zone: Zone, at: number): string {
  // Due at the first occurrence of each wall time, so the latest that the clock has read is what it reads.
  const wall = zone.latestWall(at);
  const inUtc = parseCron(expression, "UTC");
  if (inUtc.next(wall - 1) !== wall) {
    const skipped = inUtc.previous(wall);
    return skipped === null ? "" : `moved: the clock skips ${date(skipped)}`;
  }
  return zone.readsAgain(at) ? "the first of two: the clock is set back" : "";
}
