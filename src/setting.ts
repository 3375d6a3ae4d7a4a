import { isIP } from "node:net";
import type { ApiKey } from "./http/access.ts";

/** Thrown by a parser of this file: each complaint as it goes on after the variable's name and value. */
export class Unfit extends Error {
  override readonly name = "Unfit";
  readonly complaints: readonly string[];

  constructor(...complaints: readonly string[]) {
    super(complaints.join("; "));
    this.complaints = complaints;
  }
}

/** Where tasks are kept: a file, or `:memory:` for as long as the process lives. */
export interface Database {
  readonly kind: "sqlite";
  readonly path: string;
}

/** A parser that takes `""` for null. */
export function optional<Value>(parse: (text: string) => Value): (text: string) => Value | null {
  return (text) => (text === "" ? null : parse(text));
}

export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new Unfit(`must be a whole number from ${least} to ${most}`);
  };
}

/** A parser of seconds, fractions allowed, that gives milliseconds. The bounds are seconds. */
export function secondsAsMs(least: number, most: number): (text: string) => number {
  return (text) => {
    const seconds = /^\d{1,15}(\.\d+)?$|^\.\d+$/.test(text) ? Number(text) : Number.NaN;
    if (seconds >= least && seconds <= most) return Math.round(seconds * 1_000);
    throw new Unfit(`must be a number of seconds from ${least} to ${most}, without a unit`);
  };
}

/** A parser of these words, in whatever case. */
export function oneOf<const Choice extends string>(...choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const choice = choices.find((known) => known === text.toLowerCase());
    if (choice !== undefined) return choice;
    throw new Unfit(`must be ${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`);
  };
}

/** A parser of entries between commas, that complains of all bad ones. The same entry twice counts once. */
export function list(parse: (entry: string) => string): (text: string) => readonly string[] {
  return (text) => [...new Set(eachEntry(text, parse))];
}

/** A host name or an IP address, one of version 6 with or without its brackets. */
export function host(text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, "$1");
  if (isIP(bare) !== 0) return bare;
  // Digits at the end mean a mistyped address: no top-level domain is a number.
  if (/^(?!.{254})([a-z\d]([\w-]{0,61}[a-z\d])?\.)*(?!\d+$)[a-z\d]([\w-]{0,61}[a-z\d])?$/i.test(text)) return text;
  throw new Unfit("must be a host name or an IP address, without scheme and port");
}

export function database(text: string): Database {
  const scheme = /^([a-z]+):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === "postgres" || scheme === "postgresql") {
    throw new Unfit("Postgres is not supported by this version, which keeps tasks in SQLite");
  }
  const path = text.slice("sqlite:".length);
  if (scheme !== "sqlite" || path === "") throw new Unfit("must be sqlite:PATH or sqlite::memory:");
  if (path.startsWith("//")) throw new Unfit("must have the path right after sqlite:, without slashes between");
  if (path.startsWith(":") && path !== ":memory:") throw new Unfit("must be sqlite::memory: or sqlite:PATH");
  return { kind: "sqlite", path };
}

/** An origin as browsers send it. */
export function origin(text: string): string {
  if (text.includes("*")) {
    throw new Unfit("must be an origin in full: with * any web page could act for whoever happens to visit it");
  }
  if (text === "null") throw new Unfit("must not be null, which is what any sandboxed page sends");
  const shaped = /^[a-z][a-z\d+.-]*:\/\/[^\s/?#@\\]+$/i.test(text);
  if (!shaped || !URL.canParse(text)) throw new Unfit("must be scheme://host or scheme://host:port and nothing more");
  const ofUrl = new URL(text).origin;
  return ofUrl === "null" ? text.toLowerCase() : ofUrl;
}

const serverSecrets: readonly string[] = ["TASKFLOW_DATABASE", "TASKFLOW_API_KEYS"];

/** The name of a variable that handlers may see. */
export function variableName(text: string): string {
  if (!/^[a-z_]\w*$/i.test(text)) throw new Unfit("must be a variable's name alone: letters, digits and _");
  if (serverSecrets.includes(text)) throw new Unfit(`must not be ${text}, which is the server's secret`);
  return text;
}

/** Keys as `name:key[:read|write]`. No complaint quotes any part: what stands for the name may be the key. */
export function apiKeys(text: string): readonly ApiKey[] {
  const earlier: ApiKey[] = [];
  return eachEntry(text, (entry) => {
    const { name, key, scope } = apiKey(entry);
    if (earlier.some((other) => other.name === name)) throw new Unfit("must have a name that no other entry has");
    if (earlier.some((other) => other.key === key)) throw new Unfit("must have a key that no other entry has");
    earlier.push({ name, key, scope });
    return { name, key, scope };
  });
}

function apiKey(text: string): ApiKey {
  const [name = "", key, scope = "write", ...more] = text.split(":");
  if (key === undefined || more.length > 0) throw new Unfit("must be name:key, name:key:read or name:key:write");
  const complaints: string[] = [];
  if (!/^[\w.-]{1,64}$/.test(name)) complaints.push("must have a name of 1 to 64 letters, digits and . _ -");
  // What a header and a WebSocket subprotocol can both carry.
  if (!/^[\w.~+-]*$/.test(key)) complaints.push("must have a key of letters, digits and . _ ~ + - only");
  if (key.length < 16 || key.length > 256) complaints.push("must have a key of 16 to 256 characters");
  if (scope !== "read" && scope !== "write") complaints.push("must end in :read or :write, or without a scope");
  else if (complaints.length === 0) return { name, key, scope };
  throw new Unfit(...complaints);
}

function eachEntry<Value>(text: string, parse: (entry: string) => Value): Value[] {
  const complaints: string[] = [];
  const values: Value[] = [];
  for (const [index, part] of text === "" ? [] : text.split(",").entries()) {
    const entry = part.trim();
    try {
      if (entry === "") throw new Unfit("must not be empty");
      values.push(parse(entry));
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      complaints.push(...error.complaints.map((complaint) => `entry ${index + 1} ${complaint}`));
    }
  }
  if (complaints.length > 0) throw new Unfit(...complaints);
  return values;
}
