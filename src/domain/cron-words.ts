import { CronPattern } from "croner";
import cronstrue from "cronstrue";

/**
 * A valid cron expression in English. The words are cronstrue's wherever it means what croner does; what it cannot read or
 * would say otherwise is first written in another way, and what it leaves open is added.
 */
export function inWords(expression: string): string {
  const given = expression.trim();
  if (given.startsWith("@")) return cronstrue.toString(given.toLowerCase(), { use24HourTimeFormat: true });
  // croner has letters in either case, and `?` for `*` in every field.
  const fields = given.toUpperCase().replaceAll("?", "*").split(/\s+/);
  const [month = "", weekdays = ""] = fields.slice(-2);
  const [hours = "", ...minutes] = fields.slice(0, -3).toReversed();
  const time = [...minutes.toReversed().map(eachNumber), hours];
  const dates = fields.at(-3) ?? "";
  const mustBeBoth = weekdays.startsWith("+");
  const onWeekdays = weekdays.replace("+", "").split(",").map(eachWeekday).join(",");

  const words = alternatives(dates).map((date) =>
    cronstrue.toString([...time, date, month, onWeekdays].join(" "), {
      use24HourTimeFormat: true,
      logicalAndDayFields: mustBeBoth,
    }),
  );
  const either = dates !== "*" && weekdays !== "*" && !mustBeBoth ? "; either day is enough" : "";
  return `${words.join("; ").replaceAll("; At", "; at")}${restarts(fields)}${either}`;
}

/** Of what is asked for over and over only so many are kept. */
const mostKept = 1_000;
const kept = new Map<string, string>();

/** As `inWords`, remembered; an expression for which there are no words after all stands for itself. */
export function wordsOf(expression: string): string {
  const known = kept.get(expression);
  if (known !== undefined) return known;
  const words = wordsOrItself(expression);
  if (kept.size >= mostKept) kept.clear();
  kept.set(expression, words);
  return words;
}

function wordsOrItself(expression: string): string {
  try {
    return inWords(expression);
  } catch {
    // A gap in cronstrue must not keep a list of entries from being shown.
    return expression;
  }
}

/** cronstrue takes `15W` alone only, not within a list: its items are told one by one. */
function alternatives(dates: string): readonly string[] {
  return dates.includes("W") ? dates.split(",") : [dates];
}

/** `1-5#2` is the second of each of these days, where cronstrue reads it as a range that ends with a second Friday. */
function eachWeekday(part: string): string {
  const [, days, nth] = /^(.*?)(#.|L)$/.exec(part) ?? [];
  if (days === undefined || nth === undefined) return part;
  const { dayOfWeek } = new CronPattern(`* * * * ${days}`);
  const named = dayOfWeek.flatMap((set, weekday) => (set > 0 ? [weekday] : []));
  return named.map((weekday) => `${weekday}${nth.replace("#L", "L")}`).join(",");
}

// Of "0,*/27" in minutes or seconds cronstrue loses the beginning.
function eachNumber(field: string): string {
  if (!(field.includes(",") && field.includes("/"))) return field;
  const { second } = new CronPattern(`${field} * * * * *`);
  return second.flatMap((set, number) => (set > 0 ? [number] : [])).join(",");
}

const rounds = [
  { length: 60, name: "minute" },
  { length: 60, name: "hour" },
  { length: 24, name: "day" },
  { length: Number.NaN, name: "month" },
  { length: 12, name: "year" },
  { length: 7, name: "week" },
];

/** "Every 45 minutes" is at :00 and :45 in truth: a step that does not divide its field begins anew with each round. */
function restarts(fields: readonly string[]): string {
  const begun = rounds.slice(-fields.length).flatMap(({ length, name }, index) => {
    const step = Number(/^\+?\*\/(\d+)$/.exec(fields[index] ?? "")?.[1] ?? 1);
    return step > 1 && length % step !== 0 ? [`each ${name}`] : [];
  });
  return begun.length === 0 ? "" : `, counted anew ${begun.join(" and ")}`;
}
