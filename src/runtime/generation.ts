import { handlerName } from "../domain/handler.ts";
import { type BrokenHandler, type Handler, type ReadyHandler, servingHandler } from "../engine/runner.ts";
import { readyHandler } from "./definition.ts";
import { isCode, reach } from "./imports.ts";
import { OptionError, placeOf } from "./option-error.ts";
import type { HandlerFile, LoadReport } from "./protocol.ts";
import { changedPaths, noFiles, type Snapshot } from "./sources.ts";

/** The handlers of one state of the tasks folder, and the code that serves them. */
export interface Generation {
  readonly number: number;
  readonly snapshot: Snapshot;
  /** By name, then by file. */
  readonly handlers: readonly Handler[];
  /** What a worker has to load: of each handler the latest version that loads. */
  readonly code: readonly HandlerFile[];
}

/** What a generation makes of a state of the tasks folder; nothing has been loaded yet. */
export interface Plan {
  readonly previous: Generation;
  readonly snapshot: Snapshot;
  /** Files that have a name of their own, by path. */
  readonly single: readonly NamedFile[];
  /** Files that share a name with others. */
  readonly clashing: readonly (readonly NamedFile[])[];
  /** The single ones whose code is new or has changed. */
  readonly affected: readonly NamedFile[];
  /** Whether there is anything to do. */
  readonly isChange: boolean;
}

type NamedFile = Pick<HandlerFile, "name" | "file">;

/** Before anything was loaded. */
export const noGeneration: Generation = {
  number: 0,
  snapshot: noFiles,
  handlers: [],
  code: [],
};

export function planGeneration(previous: Generation, snapshot: Snapshot): Plan {
  const files = handlerFiles(snapshot);
  const groups = [...Map.groupBy(files, ({ name }) => name).values()];
  const single = groups.flatMap((same) => (same.length === 1 ? same : []));
  const isAffected = affectedFiles(previous.snapshot, snapshot, files);
  const known = new Set(previous.handlers.map(keyOf));
  const affected = single.filter((one) => !known.has(keyOf(one)) || wasClash(previous, one) || isAffected(one.file));
  const isSameSet = known.size === files.length && files.every((one) => known.has(keyOf(one)));
  return {
    previous,
    snapshot,
    single,
    clashing: groups.filter((same) => same.length > 1),
    affected,
    isChange: affected.length > 0 || !isSameSet,
  };
}

/** Whether code that `plan` wants to load has changed again since. */
export function isOutdated({ snapshot: before, affected }: Plan, after: Snapshot): boolean {
  const changed = changedPaths(before.sources, after.sources);
  return affected.some(({ file }) => !changed.isDisjointFrom(reachInEither(file, before, after)));
}

/**
 * The generation that follows.
 * @param tree the number of the copy of `plan.snapshot`
 * @param reports what came of loading `plan.affected` from there, in their order
 */
export function nextGeneration(plan: Plan, tree: number, reports: readonly LoadReport[]): Generation {
  const { previous, snapshot, affected } = plan;
  const number = previous.number + 1;
  const reportOf = new Map(affected.map(({ file }, index) => [file, reports[index]]));
  const before = new Map(previous.handlers.map((handler) => [keyOf(handler), handler]));
  const served = new Map(previous.handlers.map((handler) => [handler.name, servingHandler(handler)]));
  const single = plan.single.map((one) => {
    const unchanged = reportOf.has(one.file) ? undefined : before.get(keyOf(one));
    if (unchanged !== undefined) return unchanged;
    const source = snapshot.sources.get(one.file)?.bytes;
    return handlerFrom({ ...one, generation: number }, reportOf.get(one.file), source, served.get(one.name) ?? null);
  });
  const clashing = plan.clashing.flatMap((same) => clashes(same, number, served.get(same[0]?.name ?? "") ?? null));
  const handlers = [...single, ...clashing.map((clash) => sameClash(clash, before.get(keyOf(clash))))].toSorted(
    (a, b) => compare(a.name, b.name) || compare(a.file, b.file),
  );
  return { number, snapshot, handlers, code: codeOf(handlers, previous.code, tree) };
}

/** What a handler that loads is loaded from: its new version from the new copy, its last good one from where it was. */
function codeOf(handlers: readonly Handler[], before: readonly HandlerFile[], tree: number): readonly HandlerFile[] {
  const code = new Map<string, HandlerFile>();
  for (const handler of handlers) {
    const { name, file } = handler;
    const kept = before.find((known) => known.name === name);
    if (handler.status === "ready") code.set(name, { name, file, tree });
    else if (handler.serving !== null && kept !== undefined) code.set(name, kept);
  }
  return [...code.values()];
}

/** A handler that cannot be read is among the others; the load says why. */
function handlerFiles({ sources, others }: Snapshot): readonly NamedFile[] {
  return [...sources.keys(), ...others].flatMap((file) => {
    const name = handlerName(file);
    return name === null ? [] : [{ name, file }];
  });
}

/**
 * Tells which handlers' code differs between the two states. What no handler imports in plain words may still be loaded
 * by a computed path: when such a file changes, every handler may have.
 */
function affectedFiles(before: Snapshot, after: Snapshot, files: readonly NamedFile[]): (file: string) => boolean {
  // Another package may be found, or one that was missing.
  if (before.resolution !== after.resolution) return () => true;
  const changed = changedPaths(before.sources, after.sources);
  if (changed.size === 0) return () => false;
  const reached = new Map(files.map(({ file }) => [file, reachInEither(file, before, after)] as const));
  const claimed = new Set([...reached.values()].flatMap((paths) => [...paths]));
  const isUnclaimed = (path: string) => before.sources.has(path) && handlerName(path) === null && !claimed.has(path);
  if ([...changed].some((path) => isCode(path) && isUnclaimed(path))) return () => true;
  return (file) => !changed.isDisjointFrom(reached.get(file) ?? new Set());
}

function reachInEither(file: string, before: Snapshot, after: Snapshot): ReadonlySet<string> {
  return reach(file, before.sources).union(reach(file, after.sources));
}

/** Whether the file could not be loaded only because another one had its name. */
function wasClash({ handlers }: Generation, { name }: NamedFile): boolean {
  return handlers.filter((handler) => handler.name === name).length > 1;
}

function handlerFrom(
  base: Pick<Handler, "name" | "file" | "generation">,
  report: LoadReport | undefined,
  source: Uint8Array | undefined,
  serving: ReadyHandler | null,
): Handler {
  if (report === undefined) return broken(base, { message: "it was not loaded" }, serving);
  if (report.status === "load_error") return broken(base, report.error, serving);
  try {
    return readyHandler(base, report.definition);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const isPlaced = error instanceof OptionError && source !== undefined;
    const place = isPlaced ? placeOf(new TextDecoder().decode(source), error.mentions) : null;
    return broken(base, { message, ...place }, serving);
  }
}

function clashes(same: readonly NamedFile[], generation: number, serving: ReadyHandler | null): BrokenHandler[] {
  const files = same.map(({ file }) => file).join(" and ");
  const all = same.length === 2 ? "both" : "all";
  return same.map(({ name, file }) => {
    return broken({ name, file, generation }, { message: `${files} ${all} are handler ${name}` }, serving);
  });
}

/** A clash that goes on is no news. */
function sameClash(clash: BrokenHandler, before: Handler | undefined): BrokenHandler {
  return before?.status === "load_error" && before.error.message === clash.error.message ? before : clash;
}

function broken(
  { name, file, generation }: Pick<BrokenHandler, "name" | "file" | "generation">,
  error: Partial<BrokenHandler["error"]> & { message: string },
  serving: ReadyHandler | null,
): BrokenHandler {
  return { status: "load_error", name, file, generation, error: { file, line: null, column: null, ...error }, serving };
}

function keyOf({ name, file }: NamedFile): string {
  return `${name}\0${file}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
