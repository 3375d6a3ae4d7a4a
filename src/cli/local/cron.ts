import { CronError, parseCron } from "../../domain/cron.ts";
import { inWords } from "../../domain/cron-words.ts";
import { findZone, type Zone } from "../../domain/zone.ts";
import { Failure } from "../failure.ts";

/** Says in lines what a cron expression means, and its next times. @throws Failure when it, or the zone, is wrong. */
export function explain(expression: string, timezone: string, count: number, from: number): readonly string[] {
  try {
    return linesOf(expression, timezone, count, from);
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    throw new Failure("refused", error.message, { cause: error });
  }
}

function linesOf(expression: string, timezone: string, count: number, from: number): string[] {
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
