/**
 * What DESIGN says of a cron expression, the slow way: every minute (or second) of a stretch of time is looked at, in order,
 * and what the clock on the wall reads there comes from Intl. It shares nothing with the code that it judges.
 */
export interface Oracle {
  /** Every time due from `from` up to, not including, `to`. */
  due(from: number, to: number): number[];
}

export interface ZoneTable {
  readonly name: string;
  /** From `at` on the clock differs from UTC by `offset` milliseconds; the first stands for all before it. */
  readonly changes: readonly { readonly at: number; readonly offset: number }[];
}

const minute = 60_000;
const day = 86_400_000;

/** Reads the zone's offset every `step` milliseconds and looks for the very minute where two differ. */
export function readZone(name: string, from: number, to: number, step: number): ZoneTable {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  const changes = [{ at: from, offset: offsetAt(format, from) }];
  for (let at = from + step; at < to; at += step) {
    const known = changes.at(-1)?.offset;
    if (offsetAt(format, at) === known) continue;
    let first = at - step + minute;
    while (offsetAt(format, first) === known) first += minute;
    changes.push({ at: first, offset: offsetAt(format, first) });
  }
  return { name, changes };
}

function offsetAt(format: Intl.DateTimeFormat, instant: number): number {
  const [, sign, hours = "0", minutes = "0"] = /GMT(?:([+-])(\d+):(\d+))?$/.exec(format.format(instant)) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * minute;
}

export function oracle(expression: string, { changes }: ZoneTable): Oracle {
  const { unit, matches } = matcher(expression);
  return {
    due(from, to) {
      const found: number[] = [];
      let read: number | null = null;
      let index = 0;
      for (let instant = from - 2 * day; instant < to; instant += unit) {
        while ((changes[index + 1]?.at ?? Number.POSITIVE_INFINITY) <= instant) index++;
        const wall = instant + (changes[index]?.offset ?? 0);
        // The clock repeats what it has read before: a time that occurs twice was due at its first.
        if (read !== null && wall <= read) continue;
        let due = false;
        // More than one step at once is a gap: all that lies in it is due here, at the first valid instant, once.
        for (let reading = read === null ? wall : read + unit; reading <= wall; reading += unit) {
          if (matches(reading)) due = true;
        }
        read = wall;
        if (due && instant >= from) found.push(instant);
      }
      return found;
    },
  };
}

/** Whether any day of four hundred years, a whole cycle of the calendar, matches the three fields of the date. */
export function isEverDue(expression: string): boolean {
  const { matchesDay } = matcher(expression);
  for (let date = Date.UTC(2000, 0, 1); date < Date.UTC(2400, 0, 1); date += day) if (matchesDay(date)) return true;
  return false;
}

interface Matcher {
  readonly unit: number;
  matches(wall: number): boolean;
  matchesDay(wall: number): boolean;
}

const nicknames: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

function matcher(expression: string): Matcher {
  const fields = (nicknames[expression] ?? expression).toUpperCase().replaceAll("?", "*").split(" ");
  const seconds = fields.length === 6 ? numbers(fields[0] ?? "", 0, 59) : new Set([0]);
  const [minuteField = "", hourField = "", dateField = "", monthField = "", weekdayField = ""] = fields.slice(-5);
  const minutes = numbers(minuteField, 0, 59);
  const hours = numbers(hourField, 0, 23);
  const months = numbers(named(monthField, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" "), 1), 1, 12);
  const both = weekdayField.startsWith("+");
  const onDate = dateRule(dateField);
  const onWeekday = weekdayRule(named(weekdayField.replace("+", ""), "SUN MON TUE WED THU FRI SAT".split(" "), 0));
  const known = new Map<number, boolean>();

  function matchesDay(wall: number): boolean {
    const at = new Date(wall);
    if (!months.has(at.getUTCMonth() + 1)) return false;
    // Days of the month and of the week: with one of them `*` the other decides, else either is enough, or both with `+`.
    if (both) return onDate(at) && onWeekday(at);
    if (dateField === "*") return onWeekday(at);
    return weekdayField === "*" ? onDate(at) : onDate(at) || onWeekday(at);
  }

  return {
    unit: fields.length === 6 ? 1_000 : minute,
    matchesDay,
    matches(wall) {
      const rest = ((wall % day) + day) % day;
      if (!minutes.has(Math.floor(rest / minute) % 60) || !hours.has(Math.floor(rest / 3_600_000))) return false;
      if (!seconds.has(Math.floor(rest / 1_000) % 60)) return false;
      const date = (wall - rest) / day;
      const due = known.get(date) ?? matchesDay(wall);
      known.set(date, due);
      return due;
    },
  };
}

function named(field: string, names: readonly string[], least: number): string {
  // A week may end with its Sunday: FRI-SUN.
  const upwards = field.replaceAll("-SUN", "-7");
  return names.reduce((text, name, index) => text.replaceAll(name, `${index + least}`), upwards);
}

function numbers(field: string, least: number, most: number): Set<number> {
  const found = new Set<number>();
  for (const part of field.split(",")) {
    const [range = "", step] = part.split("/");
    const [from, to] = range === "*" ? [least, most] : range.split("-").map(Number);
    for (let at = from ?? 0; at <= (to ?? from ?? 0); at += Number(step ?? 1)) found.add(at);
  }
  return found;
}

type DayRule = (at: Date) => boolean;

function dateRule(field: string): DayRule {
  const rules = field.split(",").map((part): DayRule => {
    if (part === "L") return (at) => at.getUTCDate() === lastDate(at);
    if (part === "LW") return (at) => at.getUTCDate() === workdayNear(at, lastDate(at));
    if (part.endsWith("W")) return (at) => at.getUTCDate() === workdayNear(at, Number(part.slice(0, -1)));
    const dates = numbers(part, 1, 31);
    return (at) => dates.has(at.getUTCDate());
  });
  return (at) => rules.some((rule) => rule(at));
}

function weekdayRule(field: string): DayRule {
  const rules = field.split(",").map((part): DayRule => {
    const [, days = "", nth] = /^(.*?)(?:#(.)|(?=L$)L)?$/.exec(part) ?? [];
    const last = part.endsWith("L");
    const weekdays = new Set([...numbers(days, 0, 6)].map((weekday) => weekday % 7));
    return (at) => {
      if (!weekdays.has(at.getUTCDay())) return false;
      if (last) return at.getUTCDate() + 7 > lastDate(at);
      return nth === undefined || Math.ceil(at.getUTCDate() / 7) === Number(nth);
    };
  });
  return (at) => rules.some((rule) => rule(at));
}

function lastDate(at: Date): number {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate();
}

/** The date, Monday to Friday and within the month of `at`, that is nearest to `date`; 0 when there is no such date. */
function workdayNear(at: Date, date: number): number {
  const last = lastDate(at);
  if (date > last) return 0;
  // A Saturday lies nearer to the Friday before it, a Sunday to the Monday after it.
  const isWork = (candidate: number) => {
    const weekday = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), candidate)).getUTCDay();
    return candidate >= 1 && candidate <= last && weekday !== 0 && weekday !== 6;
  };
  return [date, date - 1, date + 1, date - 2, date + 2].find(isWork) ?? 0;
}
