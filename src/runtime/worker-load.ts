import { readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { AttemptContext } from "../domain/handler.ts";
import type { LoadReport } from "./protocol.ts";
import { maxErrorBytes } from "./worker-limits.ts";
import { clip } from "./worker-text.ts";
import { describeThrown } from "./worker-thrown.ts";

/** A handler's code. */
export type Run = (input: unknown, context: AttemptContext) => unknown;

type Loaded =
  | { readonly report: Extract<LoadReport, { status: "ready" }>; readonly run: Run }
  | { readonly report: Extract<LoadReport, { status: "load_error" }>; readonly run: null };

/** Makes `import … from "taskflow"` work in every handler, wherever its file lies. */
export function provideTaskflow(): void {
  Bun.plugin({
    name: "taskflow",
    setup(build) {
      // Loaded when the first handler asks for it, and by `require`, so that handlers may `require` it too.
      build.module("taskflow", () => ({ exports: require("../index.ts"), loader: "object" }));
    },
  });
}

/**
 * Imports the handler in `file`, relative to the copy number `tree` of the tasks folder. Never rejects: a file that does
 * not load says why.
 */
export async function loadHandler(trees: string, tree: number, file: string): Promise<Loaded> {
  const odd = /[?\\]/.exec(file)?.[0];
  if (odd !== undefined) return broken(file, `its name has a '${odd}' in it, which no import can reach: rename it`);
  const root = `${trees}${tree}`;
  try {
    const module: { default?: unknown } = await import(Bun.pathToFileURL(join(root, file)).href);
    if (!("default" in module)) return broken(file, `no default export: write \`${example}\``);
    return handlerIn(module.default, file);
  } catch (thrown) {
    return { report: { status: "load_error", error: loadError(thrown, trees, root, file) }, run: null };
  }
}

const example = "export default defineTask({ async run(input, ctx) { … } })";

function handlerIn(exported: unknown, file: string): Loaded {
  if (typeof exported === "function") {
    if (/^class\b/.test(Function.prototype.toString.call(exported))) {
      return broken(file, `the default export is a class: write \`${example}\``);
    }
    return { report: { status: "ready", definition: {} }, run: (input, context) => exported(input, context) };
  }
  if (typeof exported !== "object" || exported === null || Array.isArray(exported)) {
    const what = exported === null ? "null" : Array.isArray(exported) ? "an array" : typeof exported;
    return broken(file, `the default export is ${what}, neither a function nor a task: write \`${example}\``);
  }
  const run: unknown = Reflect.get(exported, "run");
  if (typeof run !== "function") {
    return broken(file, `the default export has no function \`run\`: write \`${example}\``);
  }
  return {
    report: { status: "ready", definition: plainDefinition(exported) },
    run: (input, context) => run.call(exported, input, context),
  };
}

/** The definition without its code. What JSON cannot hold stays visible as text, so that it is refused by its name. */
function plainDefinition(exported: object): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(exported)) {
    if (key === "run" || value === undefined) continue;
    plain[key] = JSON.parse(JSON.stringify(value, key === "input" ? undefined : textForUnserializable) ?? "null");
  }
  return plain;
}

function textForUnserializable(_key: string, value: unknown): unknown {
  if (typeof value === "function" || typeof value === "symbol") return `[${typeof value}]`;
  if (typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))) return String(value);
  return value;
}

function broken(file: string, message: string): Loaded {
  return { report: { status: "load_error", error: { message, file, line: null, column: null } }, run: null };
}

interface Place {
  /** Absolute. */
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
}

type LoadFault = Extract<LoadReport, { status: "load_error" }>["error"];

function loadError(thrown: unknown, trees: string, root: string, file: string): LoadFault {
  const first: unknown = thrown instanceof AggregateError ? (thrown.errors[0] ?? thrown) : thrown;
  const own = join(root, file);
  const place = placeOf(first, root) ?? mentionOf(first, own) ?? { file: own, line: null, column: null };
  const isMessage = first instanceof BuildMessage || first instanceof ResolveMessage;
  const sentence = isMessage ? first.message : describeThrown(first, trees).error;
  const message = sentence.replace(` imported from ${import.meta.path}`, "").replaceAll(root + sep, "");
  const inside = place.file.startsWith(root + sep);
  return {
    message: clip(message, maxErrorBytes),
    file: inside ? relative(root, place.file) : file,
    line: inside ? place.line : null,
    column: inside ? place.column : null,
  };
}

/** Where the compiler stopped, or the topmost frame in the handlers' code. */
function placeOf(error: unknown, root: string): Place | null {
  if (error instanceof BuildMessage || error instanceof ResolveMessage) {
    const position = error.position;
    if (position === null || position === undefined || position.line < 1) return null;
    return { file: position.file, line: position.line, column: Math.max(1, position.column) };
  }
  if (!(error instanceof Error) || typeof error.stack !== "string") return null;
  for (const [, file = "", line, column] of error.stack.matchAll(/^\s+at .*?\(?(\/[^()\n]*):(\d+):(\d+)\)?$/gm)) {
    if (file.startsWith(root + sep)) return { file, line: Number(line), column: Number(column) };
  }
  return null;
}

/** Errors of linking carry no position: the place is where the file names what was not found. */
function mentionOf(error: unknown, own: string): Place | null {
  const sought =
    error instanceof ResolveMessage
      ? { file: error.referrer, text: error.specifier }
      : error instanceof SyntaxError
        ? { file: own, text: /^Export named '(.+)' not found/.exec(error.message)?.[1] ?? "" }
        : null;
  if (sought === null || sought.text === "" || !sought.file.startsWith(sep)) return null;
  const lines = sourceOf(sought.file).split("\n");
  const index = lines.findIndex((line) => line.includes(sought.text));
  const column = (lines[index]?.indexOf(sought.text) ?? 0) + 1;
  return index < 0 ? null : { file: sought.file, line: index + 1, column };
}

/** Empty for a file that cannot be read: it only serves to find a line. */
function sourceOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
