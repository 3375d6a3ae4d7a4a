import { lineAt, type SourceFile, sourceFile } from "./source-file.ts";

/** Every break of the design's rules in `sources` (path below the checkout to text), each as `file:line: rule`. */
export function violations(sources: ReadonlyMap<string, string>): readonly string[] {
  const files = new Map([...sources].map(([path, text]) => [path, sourceFile(path, text)]));
  return [...files.values()].flatMap((file) => {
    const found = new Set<string>();
    for (const rule of rules) rule(file, (line, text) => found.add(`${file.path}:${line}: ${text}`), files);
    return [...found];
  });
}

type Files = ReadonlyMap<string, SourceFile>;
type Rule = (file: SourceFile, report: (line: number, rule: string) => void, files: Files) => void;

/** A file imports from its own folder or from one before it. */
const folders = ["src/domain", "src/storage", "src/engine", "src/runtime", "src/http", "src", "src/cli"];
const purePackages = ["@sinclair/typebox", "ajv", "ajv-formats", "croner", "cronstrue"];
const longestFile = 300;

const keepsToItsFloor: Rule = ({ path, imports }, report, files) => {
  const floor = floorOf(path);
  if (floor === -1) report(1, `${folderOf(path)} is no floor; these are, from below: ${folders.join(", ")}`);
  for (const { specifier, target, line } of imports) {
    if (target === null) continue;
    if (!/\.\w+$/.test(specifier)) report(line, `"${specifier}" lacks its ending`);
    else if (!target.startsWith("src/")) {
      if (!["src", "src/cli"].includes(folderOf(path))) report(line, `"${specifier}" lies outside of src`);
    } else if (/\.tsx?$/.test(target) && !files.has(target)) report(line, `"${specifier}" is no file`);
    else if (floorOf(target) > floor) report(line, `${folderOf(path)} is below ${target} and must not import it`);
    else if (folderOf(path) === "src/http" && /^src\/(storage|runtime)\//.test(target)) {
      report(line, `http sees engine and domain only, not ${target}`);
    } else if (isClient(path) && !/^src\/(domain|cli)\//.test(target)) {
      report(line, `cli sees domain only, and the server over the wire, not ${target}`);
    }
  }
};

const domainIsPure: Rule = ({ path, code, imports }, report) => {
  if (floorOf(path) !== 0) return;
  for (const { specifier, target, line } of imports) {
    const isPure = purePackages.some((name) => specifier === name || specifier.startsWith(`${name}/`));
    if (target === null && !isPure) report(line, `domain is pure and must not import "${specifier}"`);
  }
  const outside = /(?<![.\w$])(Bun|process|navigator|console|crypto|performance|fetch)(?=\s*[.([])|\bimport\.meta\b/g;
  each(code, outside, (line, found) => report(line, `domain is pure: no ${found}`));
};

const takesTimeAndChance: Rule = ({ path, code }, report) => {
  if (floorOf(path) > folders.indexOf("src/engine")) return;
  const given =
    /\b(Date\.now|performance\.now|Math\.random|set(Timeout|Interval))\b|\bnew Date\(\s*\)|\bnew Date\b(?!\()/g;
  each(code, given, (line, found) => report(line, `time and chance are handed in: no ${found}`));
};

const keepsTheChildSmall: Rule = ({ path, imports }, report, files) => {
  if (!path.startsWith("src/runtime/worker")) return;
  const allowed = /^src\/(domain\/.+|runtime\/(worker|protocol)[^/]*|index)\.ts$/;
  for (const { target, line } of imports) {
    if (target === null) continue;
    if (!allowed.test(target)) report(line, `a worker imports domain, protocol and src/index.ts, not ${target}`);
  }
  for (const loaded of loadedBy(path, files)) {
    if (!allowed.test(loaded)) report(1, `a worker loads domain, protocol and src/index.ts, not ${loaded}`);
  }
};

const isInNoCycle: Rule = ({ path, imports }, report, files) => {
  for (const { target, line } of imports) {
    const way = target === null ? null : shortestWay(target, path, files);
    // Every file of a cycle would tell of it; the first by name does.
    if (way?.every((step) => step >= path)) report(line, `a cycle: ${[path, ...way].join(" -> ")}`);
  }
};

const isShort: Rule = ({ text }, report) => {
  const lines = text.trimEnd().split("\n").length;
  if (lines > longestFile) report(longestFile + 1, `${lines} lines; a file has ${longestFile} at most`);
};

const isNoBarrel: Rule = ({ path, code }, report) => {
  if (path === "src/index.ts" || !/\bexport\b/.test(code)) return;
  const declaration = String.raw`declare|abstract|async|interface|class|function|const|let|var|enum|default|type\s+\w+\s*[<=]`;
  const statement = String.raw`\b(import|export)\b(?!\s+(${declaration}))[\w$\s,*]*(\{[^{}]*\})?[\w$\s]*`;
  const passingOn = new RegExp(String.raw`${statement}(["'] *["'])?(\s*with\s*\{[^{}]*\})?;?`, "g");
  if (code.replace(passingOn, "").trim() === "") report(1, "a barrel: it only passes on what others export");
};

const hidesNothing: Rule = ({ text, code }, report) => {
  each(code, /(?<![.\w$])any\b(?!\s*\()/g, (line) => report(line, "no any, as a type or as a name"));
  each(text, /@ts-(ignore|nocheck|expect-error)\b/g, (line, found) => report(line, `no ${found}`));
  const emptyCatch =
    /\bcatch\s*(\([^)]*\)\s*)?\{\s*\}|\.catch\(\s*(async\s*)?\(?\w*\)?\s*=>\s*(\{\s*\}|undefined|null)\s*\)/g;
  each(code, emptyCatch, (line) => report(line, "no empty catch"));
};

const rules: readonly Rule[] = [
  keepsToItsFloor,
  domainIsPure,
  takesTimeAndChance,
  keepsTheChildSmall,
  isInNoCycle,
  isShort,
  isNoBarrel,
  hidesNothing,
];

/** Whether it is of a command that speaks to a server; what is in `local` needs none, and may be one. */
function isClient(path: string): boolean {
  return path.startsWith("src/cli/") && !path.startsWith("src/cli/local/");
}

/** `src` for what lies there directly, else the folder below it. */
function folderOf(path: string): string {
  return path
    .split("/")
    .slice(0, 2)
    .join("/")
    .replace(/\/[^/]+\.\w+$/, "");
}

/** Where a file stands in the order of the folders. `src/index.ts` is as low as domain; -1 is nowhere. */
function floorOf(path: string): number {
  return path === "src/index.ts" ? 0 : folders.indexOf(folderOf(path));
}

function each(text: string, pattern: RegExp, found: (line: number, text: string) => void): void {
  for (const match of text.matchAll(pattern)) found(lineAt(text, match.index), match[0]);
}

function loadedBy(path: string, files: Files): ReadonlySet<string> {
  const reached = new Set([path]);
  for (const step of reached) {
    for (const loaded of files.get(step)?.loads ?? []) reached.add(loaded);
  }
  return reached;
}

/** The files from one to the other by imports, both included, or null when none lead there. */
function shortestWay(from: string, to: string, files: Files): readonly string[] | null {
  const ways = new Map([[from, [from]]]);
  for (const [step, way] of ways) {
    if (step === to) return way;
    for (const { target } of files.get(step)?.imports ?? []) {
      if (target !== null && !ways.has(target)) ways.set(target, [...way, target]);
    }
  }
  return null;
}
