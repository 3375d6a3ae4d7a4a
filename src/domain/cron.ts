import { CronDate, CronPattern } from "croner";
import { faultOf } from "./cron-fault.ts";
import { didYouMean } from "./suggest.ts";
import { findZone, type Zone } from "./zone.ts";

/** What is wrong with a cron expression or its time zone: a sentence or two for whoever wrote it. */
export class CronError extends Error {
  override readonly name = "CronError";
}

/**
 * The times of a cron expression in a time zone, as milliseconds since the epoch, all between 1970 and 2999. A wall time
 * that the zone's clock jumps over is due at the jump, one that it reads twice at the first; what falls together is one.
 */
export interface Cron {
  readonly expression: string;
  /** As IANA writes it. */
  readonly timezone: string;
  /** The first time strictly after `after`, or null. */
  next(after: number): number | null;
  /** The last time strictly before `before`, or null. */
  previous(before: number): number | null;
  /** The next `count` times after `after`, fewer where they end. */
  upcoming(after: number, count: number): number[];
}

/**
 * Reads an expression of five or six fields (the first of six is seconds) or a name such as `@daily`, in an IANA zone.
 * @throws CronError when either is wrong, and when the expression never comes due.
 */
export function parseCron(expression: string, timezone: string): Cron {
  const pattern = cachedPattern(expression);
  const zone = findZone(timezone);
  if (zone === null) throw unknownZone(timezone);
  return cronOf(expression, pattern, zone);
}

/** Longer than any expression that means something; a bound on the work of reading one. */
const mostCharacters = 200;

/** Of what is read over and over only so many are kept: they come from outside. */
const mostPatterns = 1_000;
const patterns = new Map<string, CronPattern>();

const earliest = 0;
/** A day before croner's end, so that no zone's clock has passed that. */
const latest = Date.UTC(2999, 11, 31) - 1;

function cronOf(expression: string, pattern: CronPattern, zone: Zone): Cron {
  // The zone's clock never turns a later wall time into an earlier instant, so that neighbours stay neighbours.
  const next = (after: number) => {
    if (!(after < latest)) return null;
    const wall = nextWall(pattern, zone.latestWall(Math.max(Math.floor(after), earliest - 1)));
    const due = wall === null ? null : zone.firstInstant(wall);
    return due === null || due > latest ? null : due;
  };
  return {
    expression,
    timezone: zone.name,
    next,
    previous(before) {
      if (!(before > earliest)) return null;
      const wall = previousWall(pattern, zone.latestWall(Math.min(Math.ceil(before) - 1, latest)) + 1);
      const due = wall === null ? null : zone.firstInstant(wall);
      return due === null || due < earliest ? null : due;
    },
    upcoming(after, count) {
      const times: number[] = [];
      let due: number | null = after;
      while (due !== null && times.length < count) {
        due = next(due);
        if (due !== null) times.push(due);
      }
      return times;
    },
  };
}

// croner matches wall times only, as if in UTC, where it meets no DST: in a zone of its own it drops what a skipped day
// brings and what "0 * * * *" has in a gap, and repeats "*/15 * * * *" in a fold.
function nextWall(pattern: CronPattern, after: number): number | null {
  return new CronDate(new Date(after), 0).increment(pattern, {}, false)?.getTime() ?? null;
}

function previousWall(pattern: CronPattern, before: number): number | null {
  return new CronDate(new Date(before), 0).decrement(pattern, {})?.getTime() ?? null;
}

function cachedPattern(expression: string): CronPattern {
  const known = patterns.get(expression);
  if (known !== undefined) return known;
  const pattern = readPattern(expression);
  if (patterns.size >= mostPatterns) patterns.clear();
  patterns.set(expression, pattern);
  return pattern;
}

function readPattern(expression: string): CronPattern {
  if (expression.length > mostCharacters) {
    throw new CronError(`The cron expression has ${expression.length} characters, more than ${mostCharacters}.`);
  }
  const given = expression.trim();
  const fault = faultOf(given);
  if (fault !== null) throw new CronError(fault);
  const pattern = new CronPattern(given, undefined, { mode: "5-or-6-parts" });
  if (!isEverDue(pattern)) throw new CronError(neverDue(given, pattern));
  return pattern;
}

/**
 * Every calendar there is, leap year or not and beginning on each weekday, occurs in the years 2001 to 2028: what is not
 * due in these never is. croner would look for 400 years, half a second for the worst expression; this is a tenth of that.
 */
const everyCalendar = Array.from({ length: 10_000 }, (_, year) => (year >= 2001 && year <= 2028 ? 1 : 0));

/** Leaves the pattern without years: ten thousand numbers that only a seventh field would need. */
function isEverDue(pattern: CronPattern): boolean {
  pattern.starYear = false;
  pattern.year = everyCalendar;
  const due = nextWall(pattern, Date.UTC(2001, 0, 1) - 1);
  pattern.starYear = true;
  pattern.year = [];
  return due !== null;
}

const monthLengths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function neverDue(given: string, { month, starDOW }: CronPattern): string {
  const longest = Math.max(...monthLengths.filter((_, index) => month[index] === 1));
  const reason = starDOW
    ? `its months end on day ${longest} at the latest`
    : "in its months no day of the month falls on such a day of the week";
  return `'${given}' never comes due: ${reason}.`;
}

function unknownZone(timezone: string): CronError {
  const shown = timezone.slice(0, 100);
  const meant = shown.trim().replaceAll(" ", "_");
  const known = ["UTC", ...Intl.supportedValuesOf("timeZone")];
  const city = known.find((name) => name.toLowerCase().endsWith(`/${meant.toLowerCase()}`));
  const nearest = city === undefined ? didYouMean(meant, known) : ` Did you mean '${city}'?`;
  return new CronError(`There is no time zone '${shown}': it is a name such as 'Europe/Berlin' or 'UTC'.${nearest}`);
}
