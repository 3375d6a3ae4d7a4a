import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Cron, CronError, parseCron } from "../../src/domain/cron.ts";
import { minutes, schedules, weekdays } from "./cron-expressions.ts";
import { isEverDue, oracle, readZone, type ZoneTable } from "./cron-oracle.ts";

/** `CRON_RUNS=5000 bun test cron.property` tries so many expressions, and looks at every minute of all the years. */
const runs = Number(process.env.CRON_RUNS ?? 150);
const thorough = process.env.CRON_RUNS !== undefined;

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const from = Date.UTC(2011, 0, 1);
const to = Date.UTC(2027, 0, 1);

const zones = [
  "UTC",
  "Africa/Cairo",
  "Africa/Casablanca",
  "America/Havana",
  "America/New_York",
  "America/Sao_Paulo",
  "America/St_Johns",
  "Antarctica/Troll",
  "Asia/Beirut",
  "Asia/Gaza",
  "Asia/Kathmandu",
  "Asia/Tehran",
  "Australia/Lord_Howe",
  "Europe/Berlin",
  "Europe/London",
  "Pacific/Apia",
  "Pacific/Chatham",
].map((name) => readZone(name, from - 300 * day, to + 300 * day, thorough ? minute : 6 * hour));

function zoneTable(name: string): ZoneTable {
  const table = zones.find((zone) => zone.name === name);
  if (table === undefined) throw new Error(`no table of ${name}`);
  return table;
}

function timesByNext(cron: Cron, start: number, end: number): number[] {
  const found: number[] = [];
  let last = start - 1;
  for (let due = cron.next(last); due !== null && due < end; due = cron.next(due)) {
    if (due <= last) throw new Error(`${due} is said to come after ${last}`);
    found.push(due);
    last = due;
  }
  return found;
}

function timesByPrevious(cron: Cron, start: number, end: number): number[] {
  const found: number[] = [];
  let last = end;
  for (let due = cron.previous(last); due !== null && due >= start; due = cron.previous(due)) {
    if (due >= last) throw new Error(`${due} is said to come before ${last}`);
    found.push(due);
    last = due;
  }
  return found.reverse();
}

/** Half of the stretches lie around a change of the zone's clock. */
const places = fc.constantFrom(...zones.map(({ name }) => name)).chain((timezone) => {
  const anywhere = fc.integer({ min: from / minute, max: to / minute }).map((at) => at * minute);
  const changes = zoneTable(timezone).changes.flatMap(({ at }) => (at > from && at < to ? [at] : []));
  const near = changes.length === 0 ? anywhere : fc.constantFrom(...changes);
  return fc.record({ timezone: fc.constant(timezone), around: fc.oneof(anywhere, near) });
});

describe("a cron expression in a time zone", () => {
  test("is due when a walk through every minute says so, forwards, backwards and from any instant", () => {
    fc.assert(
      fc.property(
        schedules,
        places,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
        (schedule, place, shares) => {
          const { expression, window } = schedule;
          const start = Math.floor((place.around - window / 2) / minute) * minute;
          const end = start + window;
          if (!isEverDue(expression)) {
            expect(() => parseCron(expression, place.timezone)).toThrow(/never comes due/);
            return;
          }
          const cron = parseCron(expression, place.timezone);
          const expected = oracle(expression, zoneTable(place.timezone)).due(start, end);
          expect(timesByNext(cron, start, end)).toEqual(expected);
          expect(timesByPrevious(cron, start, end)).toEqual(expected);
          expect(cron.upcoming(start - 1, Math.min(expected.length, 20))).toEqual(expected.slice(0, 20));
          for (const share of shares) {
            const instant = start + Math.floor(share * window);
            const next = cron.next(instant);
            const previous = cron.previous(instant);
            const after = expected.find((due) => due > instant);
            const before = expected.findLast((due) => due < instant);
            if (after === undefined) expect(next ?? end).toBeGreaterThanOrEqual(end);
            else expect(next).toBe(after);
            if (before === undefined) expect(previous ?? start - 1).toBeLessThan(start);
            else expect(previous).toBe(before);
          }
        },
      ),
      { numRuns: runs },
    );
  }, 3_600_000);

  test("is due when the walk says so around every change of the clock in sixteen years", () => {
    const expressions = ["*/15 * * * *", "30 2 * * *", "0 0 * * *", "10,59 */3 * * *", "0 12 31 12 *", "@hourly"];
    let compared = 0;
    for (const zone of zones) {
      const around = zone.changes.filter(({ at }) => at > from && at < to);
      const stretches = thorough
        ? [{ start: from, end: to }]
        : around.map(({ at }) => ({ start: at - day, end: at + day }));
      for (const expression of expressions) {
        const cron = parseCron(expression, zone.name);
        const walk = oracle(expression, zone);
        for (const { start, end } of stretches) {
          const expected = walk.due(start, end);
          expect(timesByNext(cron, start, end)).toEqual(expected);
          expect(timesByPrevious(cron, start, end)).toEqual(expected);
          compared += expected.length;
        }
      }
    }
    expect(compared).toBeGreaterThan(20_000);
    if (thorough) console.log(`${compared} times compared`);
  }, 3_600_000);

  test("is refused in words when it is nonsense, and never in any other way", () => {
    const pieces = fc.constantFrom(
      ..."0123456789*/,-#LW?+@:x ".split(""),
      ...["MON", "jan", "\t", "é", "  ", "60", "0-7"],
    );
    const nonsense = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join("")),
    );
    const fields = fc.array(fc.oneof(nonsense, minutes, weekdays), { minLength: 5, maxLength: 6 });
    fc.assert(
      fc.property(
        fc.oneof(
          nonsense,
          fields.map((parts) => parts.join(" ")),
        ),
        fc.constantFrom("UTC", "", "x"),
        (text, zone) => {
          try {
            const cron = parseCron(text, zone);
            expect(cron.next(0)).not.toBeNull();
          } catch (error) {
            if (!(error instanceof CronError)) throw error;
            expect(error.message).toMatch(/[.?]$/);
            expect(error.message).not.toMatch(/CronPattern|undefined|NaN/);
          }
        },
      ),
      { numRuns: runs * 10 },
    );
  }, 3_600_000);
});
