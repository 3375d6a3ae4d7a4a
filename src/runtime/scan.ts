import { readdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

/** What lies below a folder of handlers. Paths are relative to it, with forward slashes. */
export interface Scan {
  /** Every file that code may import, by its path. */
  readonly files: ReadonlyMap<string, FileState>;
  /** What no handler is made of and is not looked into: packages, what is hidden, tests. */
  readonly leftAlone: readonly string[];
  /** What could not be read, by its absolute path. */
  readonly faults: ReadonlyMap<string, unknown>;
}

export interface FileState {
  /** Another one with every change that the system tells of. */
  readonly mark: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

/** Looks through `folder`, through links too. Never rejects: what cannot be read is left out and reported. */
export async function scanFolder(folder: string): Promise<Scan> {
  const scan = { files: new Map<string, FileState>(), leftAlone: [], faults: new Map<string, unknown>() };
  await scanBelow(folder, "", [], scan);
  return { ...scan, files: new Map([...scan.files].toSorted(([a], [b]) => (a < b ? -1 : 1))) };
}

/** What decides, in `folder` and above it, how imports resolve; another text with every change of that. */
export async function resolutionMark(folder: string): Promise<string> {
  const marks: Promise<string>[] = [];
  for (let above = folder; ; above = dirname(above)) {
    for (const name of resolving) marks.push(markOf(join(above, name)));
    if (above === dirname(above)) return (await Promise.all(marks)).join(" ");
  }
}

/** What imports resolve by; packages come and go in the first of them. */
export const resolving: readonly string[] = ["node_modules", "package.json", "tsconfig.json", "jsconfig.json"];

async function markOf(path: string): Promise<string> {
  try {
    const { ino, mtimeMs } = await stat(path);
    return `${ino}:${mtimeMs}`;
  } catch {
    // Not there, or not for this server: then imports do not find it either.
    return "-";
  }
}

interface Found {
  readonly files: Map<string, FileState>;
  readonly leftAlone: string[];
  readonly faults: Map<string, unknown>;
}

/** @param above the folders that lead here, by their real paths: a link to one of them would go round for ever. */
async function scanBelow(root: string, folder: string, above: readonly string[], found: Found): Promise<void> {
  const here = await tried(found, join(root, folder), async (path) => ({
    path: await realpath(path),
    names: await readdir(path),
  }));
  if (here === null || above.includes(here.path)) return;
  const looks = here.names.map(async (name) => {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (isLeftAlone(name)) {
      found.leftAlone.push(path);
      return;
    }
    const entry = await tried(found, join(root, path), (file) => stat(file));
    if (entry?.isDirectory()) await scanBelow(root, path, [...above, here.path], found);
    if (!entry?.isFile()) return;
    const mark = `${entry.ino}:${entry.size}:${entry.mtimeMs}:${entry.ctimeMs}`;
    found.files.set(path, { mark, modifiedAt: entry.mtimeMs });
  });
  await Promise.all(looks);
}

function isLeftAlone(name: string): boolean {
  return name.startsWith(".") || name === "node_modules" || /\.test\.[^.]+$/.test(name) || name.endsWith(".d.ts");
}

async function tried<T>({ faults }: Found, path: string, read: (path: string) => Promise<T>): Promise<T | null> {
  try {
    return await read(path);
  } catch (error) {
    faults.set(path, error);
    return null;
  }
}
