import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../domain/log.ts";
import { isCode, relativeImports, resolveImport, type Source } from "./imports.ts";
import { type FileState, resolutionMark, scanFolder } from "./scan.ts";

/** The tasks folder at one moment. Paths are relative to it. */
export interface Snapshot {
  /** All code, and all that code imports. */
  readonly sources: ReadonlyMap<string, Source>;
  /** All else, as far as it is looked into. */
  readonly others: readonly string[];
  /** Tells apart what packages and settings there are, here and above, by which imports resolve. */
  readonly resolution: string;
}

interface KnownFile extends FileState {
  readonly source: Source;
  readonly readAt: number;
}

/** Reads the tasks folder again and again; only what may have changed is really read. */
export class Sources {
  readonly #tasksDir: string;
  readonly #clock: Clock;
  readonly #log: Log;
  #known: ReadonlyMap<string, KnownFile> = new Map();
  /** Told already. */
  #faults: ReadonlySet<string> = new Set();
  #latest: Snapshot = noFiles;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(tasksDir: string, clock: Clock, log: Log) {
    this.#tasksDir = tasksDir;
    this.#clock = clock;
    this.#log = log;
  }

  /** The folder as it is now; the same object, and in it the same ones, where nothing has changed. */
  look(): Promise<Snapshot> {
    const looked = this.#looking.then(() => this.#look());
    this.#looking = Promise.allSettled([looked]);
    return looked;
  }

  async #look(): Promise<Snapshot> {
    const { files, leftAlone, faults } = await scanFolder(this.#tasksDir);
    const unread = new Map(faults);
    const known = new Map<string, KnownFile>();
    const read = async (paths: readonly string[]) => {
      await Promise.all(
        paths.map(async (path) => {
          const state = files.get(path);
          const file = state === undefined ? null : await this.#read(path, state, unread);
          if (file !== null) known.set(path, file);
        }),
      );
    };
    const paths = [...files.keys()];
    await read(paths.filter(isCode));
    await read([...importedData(known, files)]);
    this.#known = known;
    this.#tell(unread);
    const sources = new Map(
      [...known].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([path, { source }]) => [path, source]),
    );
    const others = [...paths.filter((path) => !known.has(path)), ...leftAlone].toSorted();
    return this.#keep({ sources, others, resolution: await resolutionMark(this.#tasksDir) });
  }

  #keep(now: Snapshot): Snapshot {
    const before = this.#latest;
    const isSame = changedPaths(before.sources, now.sources).size === 0;
    const hasSameOthers = now.others.join("\0") === before.others.join("\0");
    if (isSame && hasSameOthers && now.resolution === before.resolution) return before;
    this.#latest = { ...now, sources: isSame ? before.sources : now.sources };
    return this.#latest;
  }

  async #read(path: string, state: FileState, faults: Map<string, unknown>): Promise<KnownFile | null> {
    const known = this.#known.get(path);
    // A file that was written as it was read may have changed since without another time of change.
    const isSurelySame = known?.mark === state.mark && known.readAt - known.modifiedAt > coarsestTimeMs;
    if (known !== undefined && isSurelySame) return known;
    const readAt = this.#clock.now();
    const fullPath = join(this.#tasksDir, path);
    try {
      const bytes = await readFile(fullPath);
      const isSame = known?.source.bytes.equals(bytes) === true;
      const source = isSame ? known.source : { bytes, imports: relativeImports(path, bytes) };
      return { ...state, readAt, source };
    } catch (error) {
      faults.set(fullPath, error);
      return null;
    }
  }

  #tell(faults: ReadonlyMap<string, unknown>): void {
    for (const [path, error] of faults) {
      if (this.#faults.has(path)) continue;
      this.#log.warn(
        { path, reason: error instanceof Error ? error.message : String(error) },
        "cannot read the tasks folder, or a part of it",
      );
    }
    this.#faults = new Set(faults.keys());
  }
}

export const noFiles: Snapshot = { sources: new Map(), others: [], resolution: "" };

/** The paths whose content differs, those that only one of the two has included. */
export function changedPaths(before: Snapshot["sources"], after: Snapshot["sources"]): ReadonlySet<string> {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return new Set([...paths].filter((path) => !isSame(before.get(path), after.get(path))));
}

function isSame(before: Source | undefined, after: Source | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return before === after || before.bytes.equals(after.bytes);
}

/** No file system in use tells times more coarsely. */
const coarsestTimeMs = 2_000;

/** Files that are no code but that code imports, such as JSON and text. */
function importedData(
  code: ReadonlyMap<string, { readonly source: Source }>,
  files: ReadonlyMap<string, unknown>,
): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [from, { source }] of code) {
    for (const specifier of source.imports) {
      const path = resolveImport(specifier, from, (candidate) => files.has(candidate));
      if (path !== null && !isCode(path)) found.add(path);
    }
  }
  return found;
}
