import { sep } from "node:path";
import { inspect } from "node:util";
import { PermanentError, RetryAfter } from "../domain/handler-error.ts";
import type { EndReport } from "./protocol.ts";
import { maxErrorBytes, maxStackBytes } from "./worker-limits.ts";
import { withoutTree } from "./worker-paths.ts";
import { clip } from "./worker-text.ts";

/** Anything that can be thrown, in words. */
export interface Thrown {
  /** `"Name: message"`. */
  readonly error: string;
  /** With paths relative to the tasks folder, followed by those of its causes; null when it has none. */
  readonly stack: string | null;
}

/** Describes what was thrown, whatever it is: it may be no Error, or an object that throws when one looks at it. */
export function describeThrown(value: unknown, trees: string): Thrown {
  if (!isError(value)) return { error: clip(`NonErrorThrown: ${show(value)}`, maxErrorBytes), stack: null };
  const stacks: string[] = [];
  let cause: unknown = value;
  for (let depth = 0; depth < maxCauses && isError(cause); depth++) {
    const stack = read(cause, "stack");
    stacks.push(typeof stack === "string" && stack !== "" ? cleanStack(stack, trees) : headline(cause));
    cause = read(cause, "cause");
  }
  const stack = stacks.join("\nCaused by: ");
  const hasFrames = /^\s+at /m.test(stack);
  return { error: clip(headline(value), maxErrorBytes), stack: hasFrames ? clip(stack, maxStackBytes) : null };
}

/** How an attempt ends whose handler threw `value`. */
export function failure(value: unknown, trees: string): EndReport {
  const thrown = describeThrown(value, trees);
  if (isA(value, PermanentError, "PermanentError")) return { kind: "failed", errorKind: "permanent", ...thrown };
  const seconds = isA(value, RetryAfter, "RetryAfter") ? read(value, "seconds") : null;
  if (typeof seconds !== "number" || !(seconds >= 0)) return { kind: "failed", errorKind: "handler", ...thrown };
  const retryAfterMs = Math.round(Math.min(seconds * 1000, longestWaitMs));
  return { kind: "failed", errorKind: "handler", ...thrown, retryAfterMs };
}

/** `stack` without the runtime's own frames, with paths relative to the tasks folder. */
export function cleanStack(stack: string, trees: string): string {
  const lines = stack.slice(0, maxStackBytes * 4).split("\n");
  return withoutTree(lines.filter((line) => !isInternal(line)).join("\n"), trees);
}

/** Ten years, as for every other wait of the domain, whose own constant would bring a schema library along. */
const longestWaitMs = 315_360_000_000;

/** Causes of causes are followed this far; one may be its own. */
const maxCauses = 4;

/** The folder of TaskFlow's sources. */
const sources = import.meta.dir.slice(0, import.meta.dir.lastIndexOf(sep) + 1);

function isInternal(line: string): boolean {
  return /^\s+at /.test(line) && (line.includes(sources) || /\((native|node:|bun:)|at (native|node:|bun:)/.test(line));
}

function headline(error: object): string {
  const name = read(error, "name");
  const message = read(error, "message");
  const title = typeof name === "string" && name !== "" ? name.slice(0, 200) : "Error";
  return typeof message === "string" && message !== "" ? `${title}: ${message}` : title;
}

/** An error of another realm or of a library's own kind counts when it looks like one. */
function isError(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  if (isInstance(value, Error)) return true;
  return typeof read(value, "message") === "string" && typeof read(value, "stack") === "string";
}

/** By name as well: a second copy of the module has other classes. */
function isA(value: unknown, kind: typeof PermanentError | typeof RetryAfter, name: string): value is object {
  return isError(value) && (isInstance(value, kind) || read(value, "name") === name);
}

function isInstance(value: object, kind: typeof Error | typeof PermanentError | typeof RetryAfter): boolean {
  try {
    return value instanceof kind;
  } catch {
    // A proxy may throw at anything; then it is no error of ours.
    return false;
  }
}

/** A property, or undefined when reading it throws. */
function read(value: object, key: string): unknown {
  try {
    return Reflect.get(value, key);
  } catch {
    return undefined;
  }
}

function show(value: unknown): string {
  if (typeof value === "string") return inspect(value.slice(0, maxErrorBytes));
  try {
    return inspect(value, { depth: 2, customInspect: false, breakLength: Infinity, maxArrayLength: 20 });
  } catch {
    return `a ${typeof value} that cannot be shown`;
  }
}
