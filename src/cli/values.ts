import { InvalidArgumentError } from "commander";
import { record } from "./shape.ts";

/** How options are read. Each takes the text of the command line and throws InvalidArgumentError, which says why not. */

/** A JSON object, as text: it is passed on as it was written, so that no number loses its digits. */
export function jsonObject(text: string): string {
  if (record(json(text))) return text;
  throw new InvalidArgumentError("It is no JSON object, such as '{\"a\": 5}'.");
}

/** A JSON array, as text. */
export function jsonArray(text: string): string {
  if (Array.isArray(json(text))) return text;
  throw new InvalidArgumentError("It is no JSON array, such as '[1, \"two\"]'.");
}

/** Seconds, fractions allowed. */
export function seconds(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a number of seconds, such as 90 or 0.5.");
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`);
  };
}

/** A time, by this machine's clock when it says no offset; as the wire has it. */
export function time(text: string): string {
  const at = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text) ? Date.parse(text.replace(" ", "T")) : Number.NaN;
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw new InvalidArgumentError("It is a time such as 2026-03-28T09:00 or 2026-03-28T09:00:00Z.");
}

/** A JSON object from the texts of its members, without those that are undefined. */
export function objectOf(members: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(members).filter(([, text]) => text !== undefined);
  return `{${given.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`;
}

/** The JSON text of an option's value, or undefined when it was not given. */
export function jsonText(value: string | number | boolean | undefined): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const quotes = 'In a shell it stands in single quotes: \'{"name": "value"}\'.';
    throw new InvalidArgumentError(`It is no JSON: ${error.message.replace(/^JSON Parse error: /, "")}. ${quotes}`);
  }
}
