import { AsyncLocalStorage } from "node:async_hooks";
import type { Console } from "node:console";
import type { ChildMessage, EndReport, ParentMessage, RunRequest } from "./protocol.ts";
import { attemptContext } from "./worker-context.ts";
import { encodeResult, InvalidResultError } from "./worker-json.ts";
import { Lines } from "./worker-lines.ts";
import type { Run } from "./worker-load.ts";
import { ProgressReport } from "./worker-progress.ts";
import { describeThrown, failure } from "./worker-thrown.ts";

type AbortReason = Extract<ParentMessage, { type: "abort" }>["reason"];

/** Says which attempt the running code belongs to: several share a worker, and what one left behind may run on. */
export const currentAttempt = new AsyncLocalStorage<Attempt>();

/** The attempts that run now, by their id on the channel. */
export const runningAttempts = new Map<number, Attempt>();

/** The last attempt of each file that has ended here: it may have left something behind. */
export const endedAttempts = new Map<string | null, number>();

/** One attempt inside the worker. */
export class Attempt {
  readonly id: number;
  /** That of its handler, if there is one; relative to the tasks folder. */
  readonly file: string | null;
  readonly lines: Lines;
  /** For the methods of `console` that keep a state, such as `group`; made by the first of them. */
  console: Console | null = null;

  readonly #send: (message: ChildMessage) => void;
  readonly #progress: ProgressReport;
  #controller: AbortController | null = null;
  #abortReason: AbortReason | null = null;
  readonly #onEnd: () => void;
  readonly #beganAt = performance.now();

  /** @param onEnd called when its end was sent. */
  constructor(id: number, file: string | null, send: (message: ChildMessage) => void, onEnd: () => void) {
    this.id = id;
    this.file = file;
    this.#send = send;
    this.#onEnd = onEnd;
    this.lines = new Lines((lines) => send({ type: "log", id, lines }));
    this.#progress = new ProgressReport((progress) => send({ type: "progress", id, ...progress }));
    runningAttempts.set(id, this);
  }

  get running(): boolean {
    return runningAttempts.get(this.id) === this;
  }

  /** Made on first use, as most handlers never look at it. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#abortReason !== null) this.#controller.abort(abortError(this.#abortReason));
    }
    return this.#controller.signal;
  }

  /** Runs the handler to its end. Never rejects. */
  async run(run: Run, request: RunRequest, trees: string): Promise<void> {
    const context = attemptContext(this, request);
    const outcome = await currentAttempt.run(this, () => outcomeOf(() => run(request.input, context), trees));
    this.end(outcome);
  }

  progress(fraction: unknown, message: unknown): void {
    if (this.running) this.#progress.report(fraction, message);
  }

  abort(reason: AbortReason): void {
    this.#abortReason = reason;
    currentAttempt.run(this, () => this.#controller?.abort(abortError(reason)));
  }

  /** Reports the end, once; what the handler does afterwards is not heard. */
  end(outcome: EndReport): void {
    if (!this.running) return;
    runningAttempts.delete(this.id);
    endedAttempts.set(this.file, this.id);
    this.#progress.flush();
    this.lines.close();
    this.#send({ type: "ended", id: this.id, ms: performance.now() - this.#beganAt, outcome });
    this.#onEnd();
  }
}

async function outcomeOf(run: () => unknown, trees: string): Promise<EndReport> {
  let value: unknown;
  try {
    value = await run();
  } catch (thrown) {
    return failure(thrown, trees);
  }
  try {
    return { kind: "completed", result: encodeResult(value) };
  } catch (error) {
    if (!(error instanceof InvalidResultError)) throw error;
    return { kind: "failed", errorKind: "invalid_result", ...describeThrown(error, trees) };
  }
}

function abortError(reason: AbortReason): DOMException {
  switch (reason) {
    case "timeout":
      return new DOMException("the task exceeded its timeout", "TimeoutError");
    case "cancelled":
      return new DOMException("the task was cancelled", "AbortError");
    case "shutdown":
      return new DOMException("the server is stopping", "AbortError");
    default:
      return reason satisfies never;
  }
}
