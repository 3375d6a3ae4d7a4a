import { CronPattern } from "croner";
import { didYouMean } from "./suggest.ts";

/** The names that stand for an expression, in lower case. */
export const nicknames = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/**
 * What is wrong with an expression, in a sentence for whoever wrote it; null when nothing is. croner decides field by field
 * what is taken, but its own messages count from zero and show its insides.
 */
export function faultOf(expression: string): string | null {
  if (expression.startsWith("@")) return nicknameFault(expression);
  const given = expression === "" ? [] : expression.split(/\s+/);
  if (given.length < 5 && /^\d{4}-\d\d|:/.test(expression)) {
    return `'${expression}' is a date, no cron expression: a task that runs once is submitted with run_at.`;
  }
  if (given.length < 5 || given.length > 6) return countFault(given.length);
  for (const [index, text] of given.entries()) {
    const field = fields[index + fields.length - given.length];
    const fault = field === undefined ? null : fieldFault(field, text);
    if (fault !== null) return fault;
  }
  return null;
}

/** `names` stand for the numbers from `least` on. */
interface Field {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly names: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const fields: readonly Field[] = [
  { name: "second", least: 0, most: 59, names: [] },
  { name: "minute", least: 0, most: 59, names: [] },
  { name: "hour", least: 0, most: 23, names: [] },
  { name: "day of the month", least: 1, most: 31, names: [] },
  { name: "month", least: 1, most: 12, names: months },
  { name: "day of the week", least: 0, most: 7, names: weekdays },
];

function nicknameFault(given: string): string | null {
  if (nicknames.includes(given.toLowerCase())) return null;
  if (given.toLowerCase() === "@reboot")
    return "'@reboot' names no times: a start of the server is no time of a clock.";
  return `'${given}' is no name of an expression; there are ${nicknames.join(", ")}.${didYouMean(given, nicknames)}`;
}

function countFault(count: number): string {
  const years = count === 7 ? " Years cannot be given." : "";
  const spaces = count === 1 ? " Spaces go between them." : "";
  const needed = "minute, hour, day of the month, month, day of the week, and before them seconds if wanted";
  return `A cron expression has five or six fields, not ${count}: ${needed}.${years}${spaces}`;
}

function fieldFault(field: Field, text: string): string | null {
  const parts = text.split(",");
  // croner takes it, but counts that day of the month or week as restricted, which `*` alone is not.
  if (parts.length > 1 && parts.some((part) => /^[*?](\/0*1)?$/.test(part))) {
    return `The ${field.name} '${text}' is wrong: write '*', which is all of it.`;
  }
  if (takes(field, text)) return null;
  const part = parts.find((part) => !takes(field, part)) ?? text;
  const within = part === text ? "" : ` in '${text}'`;
  return `The ${field.name} '${part}'${within} is wrong: ${commonMistake(field, part) ?? takenBy(field)}`;
}

/** Whether croner accepts this text as the only field that is not `*`. */
function takes(field: Field, text: string): boolean {
  try {
    new CronPattern(fields.map((other) => (other === field ? text : "*")).join(" "), undefined, { mode: "6-part" });
    return true;
  } catch (error) {
    // Of its own kind of error only: anything else is no verdict.
    if (error instanceof Error && error.message.startsWith("CronPattern: ")) return false;
    throw error;
  }
}

/** The words for a mistake that many make, or null. */
function commonMistake(field: Field, part: string): string | null {
  const { least, most } = field;
  if (part === "") return "a comma has nothing on one of its sides.";
  const [, from, every] = /^([^/]*)\/(\d+)$/.exec(part) ?? [];
  if (from === "") return `write '*/${every}'.`;
  if (from !== undefined && /^\d+$/.test(from)) return `a step needs a range, write '${from}-${most}/${every}'.`;
  if (every !== undefined && (Number(every) < 1 || Number(every) > most)) return `a step is from 1 to ${most}.`;

  const unknown = part.match(/[a-z]+/gi)?.find((word) => !isKnown(field, word.toLowerCase()));
  if (unknown !== undefined) return unknownWord(field, unknown);
  if (field.names === weekdays) {
    if (/^\d{4}$/.test(part)) return "years cannot be given.";
    if (/^l$/i.test(part)) return "say of which day it is the last, such as '5L', the last Friday of the month.";
    if (part.includes("#")) return "'#' is followed by 1 to 5 or by L, as in 'mon#2', the second Monday of the month.";
  }
  const numbers = part.match(/\d+/g)?.map(Number) ?? [];
  if (numbers.some((number) => number < least || number > most)) return `it is from ${least} to ${most}.`;
  return downwards(field, part);
}

function downwards(field: Field, part: string): string | null {
  const [, from, to] = /^(\d+|[a-z]{3})-(\d+|[a-z]{3})$/.exec(part.toLowerCase()) ?? [];
  if (from === undefined || to === undefined) return null;
  const names = /\d/.test(part) ? [] : field.names;
  const last = names.at(-1) ?? (field.names === weekdays ? "6" : `${field.most}`);
  const upwards = `${from}-${last},${names[0] ?? field.least}-${to}`;
  return `a range goes upwards${takes(field, upwards) ? `, write '${upwards}'` : ""}.`;
}

/** Whether letters stand for something in this field; where they may stand is croner's to say. */
function isKnown({ name, names }: Field, word: string): boolean {
  if (name === "day of the month") return ["l", "w", "lw"].includes(word);
  return names.includes(word) || (names === weekdays && (word === "l" || names.includes(word.replace(/l$/, ""))));
}

function unknownWord({ names }: Field, word: string): string {
  const short = names.find((name) => word.toLowerCase().startsWith(name));
  if (short !== undefined) return `write '${short}'.`;
  if (names.length === 0) return `it knows no '${word}'.`;
  return `'${word}' is none of ${names.join(", ")}.${didYouMean(word, names)}`;
}

function takenBy({ name, least, most, names }: Field): string {
  const more = name === "day of the month" ? ", L, 15W" : names === weekdays ? ", names, 5L, 1#2" : "";
  const alone = name === "day of the month" ? ", or LW alone" : "";
  return `it takes numbers from ${least} to ${most}, ranges such as '1-5', steps such as '*/2'${more} and lists of these${alone}.`;
}
