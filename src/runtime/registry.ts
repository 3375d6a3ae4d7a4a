import type { BrokenHandler, Handler, HandlerCatalog } from "../engine/runner.ts";
import { readyHandler } from "./definition.ts";
import { type ProbeSettings, probe } from "./probe.ts";
import type { HandlerFile, LoadReport } from "./protocol.ts";
import { scanTasks } from "./scan.ts";

/** The handlers that the tasks folder holds. */
export interface Registry {
  readonly catalog: HandlerCatalog;
  /** What a worker has to load. */
  readonly ready: readonly HandlerFile[];
}

/** Finds the handlers and loads each in a process of its own kind, so that their code never runs in this one. */
export async function loadRegistry(settings: ProbeSettings): Promise<Registry> {
  const files = await scanTasks(settings.tasksDir, settings.log);
  const byName = Map.groupBy(files, ({ name }) => name);
  const single = files.filter(({ name }) => byName.get(name)?.length === 1);
  const reports = await probe(single, settings);
  const loaded = single.map((file, index) => handlerFrom(file, reports[index]));
  const clashing = [...byName.values()].filter((same) => same.length > 1).flatMap(clashes);
  const handlers = [...loaded, ...clashing];
  return { catalog: catalogOf(handlers), ready: handlers.filter(({ status }) => status === "ready") };
}

const firstGeneration = 1;

function handlerFrom({ name, file }: HandlerFile, report: LoadReport | undefined): Handler {
  if (report === undefined) return broken({ name, file }, { message: "it was not loaded" });
  if (report.status === "load_error") return broken({ name, file }, report.error);
  try {
    return readyHandler({ name, file, generation: firstGeneration }, report.definition);
  } catch (error) {
    return broken({ name, file }, { message: error instanceof Error ? error.message : String(error) });
  }
}

function clashes(same: readonly HandlerFile[]): BrokenHandler[] {
  const files = same.map(({ file }) => file).join(" and ");
  const all = same.length === 2 ? "both" : "all";
  return same.map((file) => broken(file, { message: `${files} ${all} are handler ${file.name}` }));
}

function broken(
  { name, file }: HandlerFile,
  error: Partial<BrokenHandler["error"]> & { message: string },
): BrokenHandler {
  const generation = firstGeneration;
  return { status: "load_error", name, file, generation, error: { file, line: null, column: null, ...error } };
}

function catalogOf(handlers: readonly Handler[]): HandlerCatalog {
  const sorted = handlers.toSorted((a, b) => compare(a.name, b.name) || compare(a.file, b.file));
  // Of files that clash each is a handler that does not load, and any of them says why.
  const byName = new Map(sorted.map((handler) => [handler.name, handler]));
  return {
    find: (name) => byName.get(name) ?? null,
    list: () => sorted,
    generation: firstGeneration,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
