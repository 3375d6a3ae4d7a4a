import { posix } from "node:path";

/** One import of a file: static, dynamic, a re-export, or of a type. */
export interface Import {
  readonly specifier: string;
  /** The file that it names, as a path like the importing file's own; null for a package. */
  readonly target: string | null;
  readonly line: number;
}

export interface SourceFile {
  /** Below the checkout, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** The text with comments and the insides of strings and patterns blanked, everything else in its place. */
  readonly code: string;
  readonly imports: readonly Import[];
  /** The files that load with this one. Types do not. */
  readonly loads: readonly string[];
}

/** What the rules need to know of a file of TypeScript. */
export function sourceFile(path: string, text: string): SourceFile {
  const resolved = (specifier: string) =>
    specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : null;
  const code = blanked(text);
  const imports: Import[] = [];
  const loaded = new Bun.Transpiler({ loader: path.endsWith(".tsx") ? "tsx" : "ts" })
    .scanImports(text.replace(/^#!.*/, ""))
    .map((found) => found.path);
  const keyword = /(?<![.\w$])(?:from\s*|import\s*\(?\s*|(?:import\.meta\.)?require\s*\(\s*)(["'])/g;
  for (const { 0: found, 1: quote = "", index } of code.matchAll(keyword)) {
    const start = index + found.length;
    const specifier = text.slice(start, code.indexOf(quote, start));
    imports.push({ specifier, target: resolved(specifier), line: lineAt(text, start) });
    // Bun's scan knows nothing of this form.
    if (found.startsWith("import.meta")) loaded.push(specifier);
  }
  // What elements become: Bun's scan adds it, and of React's whatever the file says.
  const ofElements = path.endsWith(".tsx") ? /^react(\/jsx-dev-runtime)?$/ : /^$/;
  const missed = loaded.filter(
    (loads) => !ofElements.test(loads) && !imports.some(({ specifier }) => specifier === loads),
  );
  if (missed.length > 0) throw new Error(`${path}: Bun sees imports that this does not: ${missed.join(", ")}`);
  return { path, text, code, imports, loads: loaded.map(resolved).filter((target) => target !== null) };
}

/** The line of a place in `text`, from 1. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

const tokens = new RegExp(
  [
    String.raw`\/\/.*|\/\*[\s\S]*?\*\/`,
    String.raw`"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'`,
    // A pattern, not a division: it stands where a value begins.
    String.raw`(?<=(?:^|[=(,:[!&|?{};+*%~^<>-]|\b(?:return|typeof|case|of|in))\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*`,
    "[`{}]",
  ].join("|"),
  "g",
);
const templatePart = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)?/y;

function blanked(text: string): string {
  let code = "";
  let at = 0;
  /** For every template that is open, how many braces are open in its expression. */
  const open: number[] = [];
  const take = (end: number, isBlank: boolean) => {
    const taken = text.slice(at, end);
    code += isBlank ? taken.replace(/[^\n]/g, " ") : taken;
    at = end;
  };
  const takeTemplate = () => {
    templatePart.lastIndex = at;
    const part = templatePart.exec(text)?.[0] ?? "";
    const end = part.endsWith("${") ? 2 : part.endsWith("`") ? 1 : 0;
    take(at + part.length - end, true);
    take(at + end, false);
    if (end === 2) open.push(0);
  };
  for (;;) {
    tokens.lastIndex = at;
    const token = tokens.exec(text);
    if (token === null) break;
    const [found] = token;
    const braces = open.at(-1);
    take(token.index, false);
    if (found === "`") {
      take(at + 1, false);
      takeTemplate();
    } else if (found === "{" || found === "}") {
      take(at + 1, false);
      if (braces === undefined) continue;
      if (found === "{") open[open.length - 1] = braces + 1;
      else if (braces > 0) open[open.length - 1] = braces - 1;
      else {
        open.pop();
        takeTemplate();
      }
    } else if (found.startsWith('"') || found.startsWith("'")) {
      take(at + 1, false);
      take(at + found.length - 2, true);
      take(at + 1, false);
    } else take(at + found.length, true);
  }
  take(text.length, false);
  return code;
}
