import type { Clock } from "../domain/clock.ts";
import type { Log } from "../domain/log.ts";
import type { ChildMessageOf, HandlerFile } from "./protocol.ts";
import { Deadline } from "./timing.ts";

export interface LoadingSettings {
  /** What a worker loads before it is ready. */
  readonly handlers: readonly HandlerFile[];
  /** How long one file may take to load. */
  readonly loadDeadlineMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** The loading of handlers in one worker, each of which has its time. */
export class Loading {
  readonly #worker: string;
  readonly #settings: LoadingSettings;
  readonly #deadline: Deadline;
  #loaded = 0;

  /** @param onOver called with what happened when a file takes too long. */
  constructor(worker: string, settings: LoadingSettings, onOver: (reason: string) => void) {
    this.#worker = worker;
    this.#settings = settings;
    const { handlers, loadDeadlineMs } = settings;
    this.#deadline = new Deadline(settings.clock, loadDeadlineMs, () => {
      const what = handlers[this.#loaded]?.file ?? "what it was told to";
      onOver(`the worker did not load ${what} within ${loadDeadlineMs / 1000}s`);
    });
  }

  /** Takes note of a file that was loaded, or does not load. */
  noted({ index, report }: ChildMessageOf<"loaded">): void {
    this.#loaded = index + 1;
    this.#deadline.restart();
    if (report.status === "ready") return;
    const handler = this.#settings.handlers[index]?.name;
    const fields = { worker: this.#worker, handler, error: report.error };
    this.#settings.log.warn(fields, "a handler that loaded loads no more");
  }

  /** It is over, one way or the other. */
  end(): void {
    this.#deadline.cancel();
  }
}
