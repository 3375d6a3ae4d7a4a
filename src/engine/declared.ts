import { isStoreUnavailable, TaskflowError } from "../domain/error.ts";
import type { Log } from "../domain/log.ts";
import type { DeclaredEntry, PeriodicTask } from "../domain/periodic.ts";
import { changeEntry, checkInput, type EntryParts, entryOf } from "./entry.ts";
import type { HandlerCatalog } from "./runner.ts";

/** A declared entry that could not be taken on, and why, in a sentence for a person. */
export interface DeclarationFault {
  readonly name: string;
  readonly funcName: string;
  readonly message: string;
}

/** Keeps the entries of source `handler` equal to what handlers declare. */
export interface Declarations {
  sync(declared: readonly DeclaredEntry[]): Promise<readonly DeclarationFault[]>;
  /** What the latest of them came to. */
  faults(): readonly DeclarationFault[];
  /** An entry of the API's of that name is gone. */
  nameFreed(name: string): Promise<void>;
  /** Tries nothing again any more. */
  stop(): void;
}

export interface DeclarationParts extends EntryParts {
  readonly log: Log;
}

const storeRetryMs = 1_000;

export function createDeclarations(parts: DeclarationParts): Declarations {
  let declared: readonly DeclaredEntry[] = [];
  let syncing: Promise<readonly DeclarationFault[]> = Promise.resolve([]);
  let cancelRetry: (() => void) | null = null;
  let latestFaults: readonly DeclarationFault[] = [];

  /** One at a time, each with what is declared when its turn comes. */
  function next(): Promise<readonly DeclarationFault[]> {
    cancelRetry?.();
    syncing = syncing.then(reconcileNow, reconcileNow);
    return syncing;
  }

  async function reconcileNow(): Promise<readonly DeclarationFault[]> {
    try {
      const faults = await reconcile(declared, parts);
      latestFaults = faults;
      for (const { name, funcName, message } of faults) {
        parts.log.error({ periodic_task: name, func_name: funcName, error: message }, "declared periodic task refused");
      }
      return faults;
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error;
      parts.log.warn({ error: error.message }, "cannot write what handlers declare; trying again");
      cancelRetry = parts.clock.after(storeRetryMs, () => void settled(next()));
      throw error;
    }
  }

  /** Waits without passing on a refusal of the store, after which it is tried again anyway. */
  async function settled(sync: Promise<unknown>): Promise<void> {
    try {
      await sync;
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error;
      parts.log.debug({ error: error.message }, "what handlers declare is not written yet");
    }
  }

  return {
    sync(given) {
      declared = given;
      return next();
    },
    faults: () => latestFaults,
    async nameFreed(name) {
      if (declared.some((entry) => entry.name === name)) await settled(next());
    },
    stop() {
      cancelRetry?.();
    },
  };
}

async function reconcile(
  declared: readonly DeclaredEntry[],
  parts: DeclarationParts,
): Promise<readonly DeclarationFault[]> {
  const existing = new Map((await parts.store.listPeriodic()).map((entry) => [entry.name, entry]));
  const faults: DeclarationFault[] = [];
  const first = new Map<string, DeclaredEntry>();
  for (const entry of declared) {
    const namesake = first.get(entry.name);
    first.set(entry.name, namesake ?? entry);
    const message =
      namesake === undefined
        ? await refusalOf(() => adopt(entry, existing.get(entry.name) ?? null, parts))
        : `The name is taken by the handler '${namesake.funcName}'.`;
    if (message !== null) faults.push({ name: entry.name, funcName: entry.funcName, message });
  }
  for (const { name, source, funcName } of existing.values()) {
    if (source === "handler" && !first.has(name) && !isUnknown(funcName, parts.catalog)) {
      await parts.storeFault.watch(parts.store.removePeriodic(name, "handler"));
    }
  }
  return faults;
}

/** Whether nobody can say what that handler declares: its file does not load, and no version of it has since the start. */
function isUnknown(funcName: string, catalog: HandlerCatalog): boolean {
  const handler = catalog.find(funcName);
  return handler?.status === "load_error" && handler.serving === null;
}

/** Writes one declared entry, where what is there differs. */
async function adopt(declared: DeclaredEntry, existing: PeriodicTask | null, parts: DeclarationParts): Promise<void> {
  const entryAfter = (before: PeriodicTask | null): PeriodicTask => {
    if (before?.source === "api") {
      throw new TaskflowError("periodic_task_declared", "The name is taken by an entry that was created over the API.");
    }
    return entryOf({ ...declared, enabled: before?.enabled ?? true }, "handler", before, parts.clock.now());
  };
  checkInput(declared, parts.catalog);
  if (existing === null || !isEqual(entryAfter(existing), existing))
    await changeEntry(declared.name, parts, entryAfter);
}

function isEqual(entry: PeriodicTask, existing: PeriodicTask): boolean {
  return Bun.deepEquals({ ...entry, revision: 0 }, { ...existing, revision: 0 });
}

/** What stands against it for good, in a sentence, or null when it is done. */
async function refusalOf(act: () => Promise<void>): Promise<string | null> {
  try {
    await act();
    return null;
  } catch (error) {
    if (error instanceof TaskflowError && error.code !== "store_unavailable") return error.message;
    throw error;
  }
}
