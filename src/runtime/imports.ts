import { posix } from "node:path";

/** A file as it was read, and what it asks for. */
export interface Source {
  readonly bytes: Buffer;
  /** The relative paths that it imports, as written. */
  readonly imports: readonly string[];
}

/** Whether a file is code by its name, relative to the tasks folder. */
export function isCode(path: string): boolean {
  return loaderOf(path) !== null;
}

/** What the code of `path` imports by relative paths, as written. Code that cannot be parsed imports nothing. */
export function relativeImports(path: string, bytes: Buffer): readonly string[] {
  const loader = loaderOf(path);
  if (loader === null) return [];
  try {
    const found = new Bun.Transpiler({ loader }).scanImports(bytes);
    return found.map((one) => one.path).filter((specifier) => /^\.\.?(\/|$)/.test(specifier));
  } catch {
    // A worker that loads it says why.
    return [];
  }
}

/** The file that `specifier` in the file `from` means, among those that `has` knows; null when it is none of them. */
export function resolveImport(specifier: string, from: string, has: (path: string) => boolean): string | null {
  const path = posix.join(posix.dirname(from), specifier.replace(/\?.*$/, ""));
  const stem = path.replace(/\.([cm]?)js(x?)$/, ".$1ts$2");
  const candidates = [path, stem, ...endings.map((ending) => `${path}${ending}`)];
  const asFolder = endings.map((ending) => posix.join(path, `index${ending}`));
  return [...candidates, ...asFolder].find(has) ?? null;
}

/** `file` and all that it imports, directly or not, as far as its code names it in plain words. */
export function reach(file: string, sources: ReadonlyMap<string, Source>): ReadonlySet<string> {
  const reached = new Set<string>();
  const left = [file];
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    for (const specifier of sources.get(path)?.imports ?? []) {
      const next = resolveImport(specifier, path, (candidate) => sources.has(candidate));
      if (next !== null) left.push(next);
    }
  }
  return reached;
}

const endings = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json"];

function loaderOf(path: string): "ts" | "tsx" | "jsx" | null {
  if (path.endsWith(".tsx")) return "tsx";
  if (/\.[cm]?ts$/.test(path)) return "ts";
  return /\.([cm]?js|jsx)$/.test(path) ? "jsx" : null;
}
