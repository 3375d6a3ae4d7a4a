import type { Child } from "./child.ts";
import type { ParentMessage, RunRequest } from "./protocol.ts";

/** What is sent to a worker: attempts that start in one turn go in one message. */
export class Outbox {
  readonly #child: Child;
  #runs: RunRequest[] = [];

  constructor(child: Child) {
    this.#child = child;
  }

  run(request: RunRequest): void {
    this.#runs.push(request);
    if (this.#runs.length === 1) queueMicrotask(() => this.#sendRuns());
  }

  /** Sends it behind all that was to be sent before. */
  send(message: ParentMessage): void {
    this.#sendRuns();
    this.#child.send(message);
  }

  #sendRuns(): void {
    if (this.#runs.length === 0) return;
    const runs = this.#runs;
    this.#runs = [];
    this.#child.send({ type: "run", runs });
  }
}
