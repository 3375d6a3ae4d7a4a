import type { AbortReason, AttemptListener, AttemptRequest, RunningAttempt } from "../engine/runner.ts";

/** The worker that an attempt is with, which knows it by an id. */
export interface Host {
  readonly id: string;
  abort(id: number, reason: AbortReason): void;
  kill(id: number): void;
  recall(id: number): boolean;
}

/** An attempt that the pool was given. It stays the same when it goes from one worker to another, before it begins. */
export class Assignment implements RunningAttempt {
  readonly request: AttemptRequest;
  readonly listener: AttemptListener;
  /** Lines that its worker has sent. */
  lines = 0;
  #host: Host | null = null;
  #id = -1;

  constructor(request: AttemptRequest, listener: AttemptListener) {
    this.request = request;
    this.listener = listener;
  }

  get worker(): string {
    return this.#host?.id ?? "none";
  }

  /** It is with that worker from now on. */
  goTo(host: Host, id: number): void {
    this.#host = host;
    this.#id = id;
  }

  recall(): boolean {
    return this.#host?.recall(this.#id) ?? false;
  }

  abort(reason: AbortReason): void {
    this.#host?.abort(this.#id, reason);
  }

  kill(): void {
    this.#host?.kill(this.#id);
  }
}
