import { type FSWatcher, statSync, watch } from "node:fs";
import type { Clock } from "../domain/clock.ts";
import type { Log } from "../domain/log.ts";
import { every } from "./timing.ts";

export interface WatchSettings {
  /** Absolute. It may be missing, and come later. */
  readonly folder: string;
  /** `auto` heeds what the system tells of and looks now and then besides; `poll` only looks, and more often. */
  readonly mode: "auto" | "poll";
  readonly clock: Clock;
  readonly log: Log;
  /** Looks whether anything has changed; it is called in vain, too, and while an earlier look goes on. */
  readonly look: () => void;
}

/** Calls `look` when something below the folder may have changed. The returned function ends that. */
export function watchFolder({ folder, mode, clock, log, look }: WatchSettings): () => void {
  const hints = mode === "auto" ? new Hints(folder, log, hinted) : null;
  let cancelHint: (() => void) | null = null;

  function hinted(): void {
    cancelHint ??= clock.after(gatherMs, () => {
      cancelHint = null;
      look();
    });
  }

  function turn(): void {
    hints?.open();
    look();
  }

  turn();
  const cancelTurns = every(clock, mode === "poll" ? pollMs : backstopMs, turn);
  return () => {
    cancelHint?.();
    cancelTurns();
    hints?.close();
  };
}

/** Hints come in swarms. */
const gatherMs = 30;
const pollMs = 500;
/** The system does not tell of everything: not of what lies behind links, nor always of what is new. */
const backstopMs = 2_000;

/** What the system tells of changes below a folder. */
class Hints {
  readonly #folder: string;
  readonly #log: Log;
  readonly #tell: () => void;
  #watcher: FSWatcher | null = null;
  /** The folder that is watched: another one may have taken its place under the same name. */
  #identity: string | null = null;
  #hasComplained = false;

  constructor(folder: string, log: Log, tell: () => void) {
    this.#folder = folder;
    this.#log = log;
    this.#tell = tell;
  }

  /** Listens, if it does not yet and the folder is there. */
  open(): void {
    try {
      const identity = identityOf(this.#folder);
      if (identity === this.#identity) return;
      this.close();
      if (identity === null) return;
      const watcher = watch(this.#folder, { recursive: true, persistent: false }, this.#tell);
      watcher.on("error", (error) => this.#fail(error));
      this.#watcher = watcher;
      this.#identity = identity;
    } catch (error) {
      this.#fail(error);
    }
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = null;
    this.#identity = null;
  }

  #fail(error: unknown): void {
    this.close();
    if (this.#hasComplained) return;
    this.#hasComplained = true;
    const path = this.#folder;
    this.#log.warn({ err: error, path }, "the system does not tell of changes here: they are found by looking");
  }
}

/** Null when there is no such folder. An inode's number alone may come back with the next folder. */
function identityOf(folder: string): string | null {
  const found = statSync(folder, { throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev}:${found.ino}:${found.birthtimeMs}`;
}
