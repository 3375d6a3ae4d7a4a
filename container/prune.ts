import { realpathSync } from "node:fs";
import { readdir, rm, rmdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, sep } from "node:path";

/**
 * Leaves of `root`'s node_modules only what `sources` load, directly or not, with the description and the licence of
 * each package: most of what is installed are other builds, types, source maps and packages that a bundle holds already.
 * What is left loses its comments and its blanks.
 * @param sources paths in `root`
 */
export async function prune(root: string, sources: readonly string[]): Promise<void> {
  const modules = join(realpathSync(root), "node_modules");
  const loaded = await filesLoadedBy(sources.map((source) => join(realpathSync(root), source)));
  const packages = new Set([...loaded].flatMap((file) => packageOf(file, modules) ?? []));
  for (const entry of await readdir(modules, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    const goesAlong =
      packages.has(entry.parentPath) && /^(package\.json$|(licen[cs]e|notice|copying)\b)/i.test(entry.name);
    if (!loaded.has(path) && !goesAlong) await rm(path);
  }
  for (const file of loaded) if (file.startsWith(modules + sep) && isScript(file)) await shrink(file);
  await removeEmptyFolders(modules);
}

async function shrink(file: string): Promise<void> {
  const shrunk = shrinker.transformSync(await Bun.file(file).text());
  // A file of its own: what is installed may be a link to what Bun keeps for all projects.
  await rm(file);
  await Bun.write(file, shrunk);
}

const shrinker = new Bun.Transpiler({
  loader: "js",
  target: "bun",
  minifyWhitespace: true,
  deadCodeElimination: false,
});

function isScript(file: string): boolean {
  return /\.[cm]?js$/.test(file);
}

/** Follows imports as Bun does when it runs the code, but for those whose name is computed. */
async function filesLoadedBy(entries: readonly string[]): Promise<ReadonlySet<string>> {
  const loaded = new Set<string>();
  const left = [...entries];
  for (let file = left.pop(); file !== undefined; file = left.pop()) {
    if (loaded.has(file)) continue;
    loaded.add(file);
    const ending = /\.[cm]?([jt]sx?)$/.exec(file)?.[1];
    if (ending === undefined) continue;
    const loader = ending === "ts" || ending === "tsx" ? ending : "js";
    const text = (await Bun.file(file).text()).replace(/^#!.*/, "");
    // What elements become stands in a comment.
    const elements = /^\/\*\* @jsxImportSource (\S+) \*\/$/m.exec(text)?.[1];
    const runtime = elements === undefined ? null : find(`${elements}/jsx-runtime`, file, "import-statement");
    if (runtime !== null) left.push(runtime);
    for (const { kind, path } of new Bun.Transpiler({ loader }).scanImports(text)) {
      const found = find(path, file, kind);
      if (found !== null) left.push(found);
    }
  }
  return loaded;
}

/** Null for what Bun has built in, and for what a package takes only where it is installed. */
function find(specifier: string, from: string, kind: string): string | null {
  try {
    const path = kind.startsWith("require")
      ? createRequire(from).resolve(specifier)
      : Bun.resolveSync(specifier, dirname(from));
    return path.startsWith(sep) ? path : null;
  } catch {
    return null;
  }
}

function packageOf(file: string, modules: string): string | null {
  const path = relative(modules, file);
  if (path.startsWith("..")) return null;
  const parts = file.split(sep);
  const at = parts.lastIndexOf("node_modules") + 1;
  return parts.slice(0, at + (parts[at]?.startsWith("@") ? 2 : 1)).join(sep);
}

async function removeEmptyFolders(folder: string): Promise<boolean> {
  const entries = await readdir(folder, { withFileTypes: true });
  let isEmpty = true;
  for (const entry of entries) {
    const isGone = entry.isDirectory() && (await removeEmptyFolders(join(folder, entry.name)));
    if (!isGone) isEmpty = false;
  }
  if (isEmpty) await rmdir(folder);
  return isEmpty;
}

// In a checkout, too, this leaves only what the server loads: `bun install` brings the rest back.
if (import.meta.main) {
  const root = join(import.meta.dir, "..");
  await prune(root, await Array.fromAsync(new Bun.Glob("{src,tasks}/**/*.{ts,tsx,js}").scan(root)));
}
