import type { Log } from "../domain/log.ts";
import type { Handler, HandlerCatalog, LoadError } from "../engine/runner.ts";
import { type Generation, isOutdated, nextGeneration, noGeneration, type Plan, planGeneration } from "./generation.ts";
import { type ProbeSettings, probe } from "./probe.ts";
import { type Snapshot, Sources } from "./sources.ts";
import { Trees } from "./trees.ts";

export interface RegistrySettings extends Omit<ProbeSettings, "trees" | "signal"> {
  /** Absolute, without symbolic links. */
  readonly tasksDir: string;
}

/** The workers that run the handlers. */
export interface Workers {
  /**
   * Puts workers with the code of `generation` in the place of those that serve. Calls `commit` at the moment from which
   * on attempts run on the new code; resolves to false, without it, when no such worker came up.
   */
  replace(generation: Pick<Generation, "number" | "code">, commit: () => void): Promise<boolean>;
  /** The copies of the tasks folder that workers load code from. */
  trees(): ReadonlySet<number>;
}

/**
 * The handlers that the tasks folder holds. Each is loaded in a process of its own kind first, so that their code never
 * runs in this one and nothing that does not load takes the place of what does.
 */
export class Registry {
  readonly catalog: HandlerCatalog;
  /** The path of the copies that workers load, but for their number. */
  readonly trees: string;
  readonly #settings: RegistrySettings;
  readonly #sources: Sources;
  readonly #trees: Trees;
  readonly #stopping = new AbortController();
  #env: Readonly<Record<string, string>>;
  #workers: Workers | null = null;
  #changed: () => void = () => undefined;
  #generation = noGeneration;
  #byName: ReadonlyMap<string, Handler> = new Map();
  /** The generation in which each name was last added, changed or removed. */
  readonly #changedIn = new Map<string, number>();
  #refreshing: Promise<void> | null = null;
  #isStale = false;
  /** What is being loaded, and what ends that early. */
  #loading: { readonly plan: Plan; readonly giveUp: AbortController } | null = null;
  /** A state for which no worker came up, and when. */
  #refused: { readonly snapshot: Snapshot; readonly at: number } | null = null;

  constructor(settings: RegistrySettings) {
    const { tasksDir, scratchDir, clock, log } = settings;
    this.#settings = settings;
    this.#env = settings.env;
    this.#sources = new Sources(tasksDir, clock, log);
    this.#trees = new Trees(tasksDir, scratchDir, log);
    this.trees = this.#trees.prefix;
    this.catalog = this.#makeCatalog();
  }

  /** Loads the handlers for the first time; says what workers have to load. */
  async load(): Promise<Generation> {
    const plan = planGeneration(noGeneration, await this.#sources.look());
    const generation = await this.#build(plan);
    if (generation === null) throw new Error("it was stopped while it loaded the handlers");
    this.#adopt(generation);
    return generation;
  }

  /** From now on `workers` run the handlers, which see `env` as they load; `changed` is called when these are others. */
  serve(workers: Workers, env: Readonly<Record<string, string>>, changed: () => void): void {
    this.#workers = workers;
    this.#env = env;
    this.#changed = changed;
  }

  /** Looks whether anything has changed, and takes it over. Resolves when all is up to date. */
  refresh(): Promise<void> {
    this.#isStale = true;
    if (this.#loading !== null) void this.#reconsider(this.#loading);
    this.#refreshing ??= this.#refreshAll();
    return this.#refreshing;
  }

  /** Removes copies that no worker needs any more. */
  async prune(): Promise<void> {
    if (this.#workers === null || this.#refreshing !== null) return;
    await this.#trees.keepOnly(this.#usedTrees(this.#workers));
  }

  /** Gives up a change that is being taken over; resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#refreshing;
  }

  #makeCatalog(): HandlerCatalog {
    const registry = this;
    return {
      find: (name) => registry.#byName.get(name) ?? null,
      list: () => registry.#generation.handlers,
      changedIn: (name) => registry.#changedIn.get(name) ?? 0,
      get generation() {
        return registry.#generation.number;
      },
    };
  }

  async #refreshAll(): Promise<void> {
    while (this.#isStale && !this.#stopping.signal.aborted) {
      this.#isStale = false;
      try {
        if (this.#workers !== null) await this.#refreshOnce(this.#workers);
      } catch (error) {
        this.#settings.log.error({ err: error }, "could not take over a change of the handlers");
      }
    }
    this.#refreshing = null;
    await this.prune();
  }

  async #refreshOnce(workers: Workers): Promise<void> {
    const snapshot = await this.#settled();
    if (snapshot === this.#generation.snapshot || this.#isRefused(snapshot)) return;
    await this.#trees.link(snapshot);
    const plan = planGeneration(this.#generation, snapshot);
    if (!plan.isChange) {
      this.#generation = { ...this.#generation, snapshot };
      return;
    }
    const generation = await this.#build(plan);
    if (generation === null) return;
    const isUp = await workers.replace(generation, () => this.#adopt(generation));
    if (isUp) report(plan, generation, this.#settings.log);
    else this.#refuse(snapshot);
  }

  /** The folder once it stands still: of many files that are written at once, or of one that is half written. */
  async #settled(): Promise<Snapshot> {
    let seen = await this.#sources.look();
    for (let waitedMs = 0; seen !== this.#generation.snapshot && waitedMs < longestSettleMs; waitedMs += settleMs) {
      await new Promise<void>((resolve) => this.#settings.clock.after(settleMs, resolve));
      const now = await this.#sources.look();
      if (now === seen) break;
      seen = now;
    }
    return seen;
  }

  /** Null when it was given up. */
  async #build(plan: Plan): Promise<Generation | null> {
    const tree = await this.#trees.write(plan.snapshot);
    const giveUp = new AbortController();
    const signal = AbortSignal.any([this.#stopping.signal, giveUp.signal]);
    const files = plan.affected.map((one) => ({ ...one, tree }));
    this.#loading = { plan, giveUp };
    const reports = await probe(files, { ...this.#settings, env: this.#env, trees: this.trees, signal });
    this.#loading = null;
    return signal.aborted ? null : nextGeneration(plan, tree, reports);
  }

  /** Gives up a load of what has changed again, which may hang in what was mended since. */
  async #reconsider({ plan, giveUp }: { readonly plan: Plan; readonly giveUp: AbortController }): Promise<void> {
    if (isOutdated(plan, await this.#sources.look())) giveUp.abort();
  }

  #adopt(generation: Generation): void {
    const { handlers: before } = this.#generation;
    this.#generation = generation;
    // Of files that clash each is a handler that does not load, and any of them says why.
    this.#byName = new Map(generation.handlers.map((handler) => [handler.name, handler]));
    const names = new Set([...before, ...generation.handlers].map(({ name }) => name));
    const known = new Map(before.map((handler) => [handler.name, handler]));
    for (const name of names) {
      if (known.get(name) !== this.#byName.get(name)) this.#changedIn.set(name, generation.number);
    }
    this.#changed();
  }

  #refuse(snapshot: Snapshot): void {
    const { clock, log } = this.#settings;
    if (this.#stopping.signal.aborted) return;
    this.#refused = { snapshot, at: clock.now() };
    log.error({ retryInMs: refusedMs }, "no worker came up with the changed handlers: those before go on");
  }

  #isRefused(snapshot: Snapshot): boolean {
    return this.#refused?.snapshot === snapshot && this.#settings.clock.now() - this.#refused.at < refusedMs;
  }

  #usedTrees(workers: Workers): ReadonlySet<number> {
    return workers.trees().union(new Set(this.#generation.code.map(({ tree }) => tree)));
  }
}

/** The folder stands still when it did not change for so long. */
const settleMs = 50;
const longestSettleMs = 500;
/** How soon a state for which no worker came up may be tried again. */
const refusedMs = 5_000;

/** One line for each change: what has come, what is another, what is gone, and what does not load and why. */
function report({ previous }: Plan, { number, handlers }: Generation, log: Log): void {
  const before = new Map(previous.handlers.map((handler) => [handler.name, handler]));
  const news = handlers.filter((handler) => before.get(handler.name)?.generation !== handler.generation);
  const names = new Set(handlers.map(({ name }) => name));
  const failed = news.flatMap((handler) => (handler.status === "load_error" ? [reasonOf(handler.error)] : []));
  const loaded = news.filter(({ status }) => status === "ready").map(({ name }) => name);
  const fields = {
    generation: number,
    added: loaded.filter((name) => !before.has(name)),
    changed: loaded.filter((name) => before.has(name)),
    removed: [...before.keys()].filter((name) => !names.has(name)),
    failed,
  };
  const told = Object.fromEntries(
    Object.entries(fields).filter(([, value]) => typeof value === "number" || value.length > 0),
  );
  if (failed.length > 0) log.warn(told, "handlers changed, and some do not load");
  else log.info(told, "handlers changed");
}

function reasonOf({ file, line, message }: LoadError): string {
  return `${file}${line === null ? "" : `:${line}`}: ${message}`;
}
