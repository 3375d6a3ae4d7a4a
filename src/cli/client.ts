import { Failure, usageFailure } from "./failure.ts";
import { printable } from "./printable.ts";
import { type Guard, type Guarded, listOf, optional, shape, text } from "./shape.ts";
import { isTask, type WireTask } from "./wire.ts";

/** Where a command finds its server. */
export interface Target {
  readonly url: string;
  readonly key: string | null;
}

/** An answer, as text for scripts and as a value for what reads it. */
export interface Answer<Value> {
  readonly text: string;
  readonly value: Value;
  readonly status: number;
}

export interface Page {
  /** A JSON array, put together from the texts of the answers. */
  readonly text: string;
  readonly tasks: readonly WireTask[];
  readonly hasMore: boolean;
}

export interface Call {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  /** JSON text. */
  readonly body?: string;
  /** Statuses that are an answer, too, though they are no 2xx. */
  readonly also?: readonly number[];
}

/** How long a server may take to answer. */
const patienceMs = 30_000;
const largestPage = 1_000;

/** Speaks to the server over HTTP. Everything that goes wrong is a Failure that says what to do next. */
export class Client {
  readonly target: Target;

  constructor(target: Target) {
    this.target = target;
  }

  /** Sends a request and checks the answer. @throws Failure */
  async call<Value>(path: string, guard: Guard<Value>, call: Call = {}): Promise<Answer<Value>> {
    const response = await this.#send(`${this.target.url}${path}`, call);
    return this.#read(response, guard, call);
  }

  /** The newest tasks, from as many pages as it takes. `query` is as the API has it. @throws Failure */
  async list(query: Readonly<Record<string, string>>, limit: number): Promise<Page> {
    const texts: string[] = [];
    const tasks: WireTask[] = [];
    let cursor: string | null = null;
    do {
      const size = String(Math.min(largestPage, limit - tasks.length));
      const params = new URLSearchParams({ ...query, limit: size, ...(cursor === null ? {} : { cursor }) });
      const response: Response = await this.#send(`${this.target.url}/api/v1/tasks?${params}`, {});
      const answer = await this.#read(response, listOf(isTask), {});
      if (answer.value.length > 0) texts.push(answer.text.trim().slice(1, -1));
      tasks.push(...answer.value);
      cursor = nextCursor(response);
    } while (cursor !== null && tasks.length < limit);
    return { text: `[${texts.join(",")}]`, tasks, hasMore: cursor !== null };
  }

  async #send(url: string, { method = "GET", body }: Call): Promise<Response> {
    const { key } = this.target;
    try {
      return await fetch(url, {
        method,
        headers: {
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        },
        ...(body === undefined ? {} : { body }),
        // The key is for this server, and no TaskFlow sends its clients elsewhere.
        redirect: "manual",
        signal: AbortSignal.timeout(patienceMs),
      });
    } catch (cause) {
      throw unreachable(this.target.url, method, cause);
    }
  }

  async #read<Value>(response: Response, guard: Guard<Value>, call: Call): Promise<Answer<Value>> {
    const { method = "GET", also = [] } = call;
    let answered: string;
    try {
      answered = await response.text();
    } catch (cause) {
      throw unreachable(this.target.url, method, cause);
    }
    const value = parsed(answered);
    if (response.ok || also.includes(response.status)) {
      if (guard(value)) return { text: answered, value, status: response.status };
    } else if (isProblem(value)) {
      throw refusal(response.status, value, this.target);
    }
    throw new Failure("unreachable", `What answers at ${this.target.url} (${response.status}) is no TaskFlow.`, {
      advice: "Set TASKFLOW_URL to where it is, or pass --url.",
    });
  }
}

/** Whether it is worth another try, for someone who has time: the server is away or busy. */
export function isPassing(failure: unknown): failure is Failure {
  if (!(failure instanceof Failure)) return false;
  return failure.kind === "unreachable" || failure.problem.status === 503 || failure.problem.status === 429;
}

const isProblem = shape({
  detail: text,
  code: text,
  errors: optional(listOf(shape({ path: text, message: text }))),
});
type Problem = Guarded<typeof isProblem>;

function refusal(status: number, problem: Problem, { key }: Target): Failure {
  const { detail, code, errors = [] } = problem;
  const denied = status === 401 || status === 403;
  const faults = errors.map(({ path, message }) => `  ${path === "" ? "" : `${path}: `}${message}`);
  // With one fault the sentence says it already, in the same words.
  const lines = errors.length > 1 ? faults : [];
  const advice = [...lines, ...adviceFor(status, code, key)].map(printable).join("\n");
  const sentence = errors.length > 1 ? "The server refuses this:" : printable(detail);
  return new Failure(denied ? "denied" : "refused", sentence, {
    ...(advice === "" ? {} : { advice }),
    problem: { ...problem, status },
  });
}

function adviceFor(status: number, code: string, key: string | null): readonly string[] {
  if (status === 401) {
    const has = key === null ? "No key was sent" : "The key in TASKFLOW_API_KEY is not one of the server's";
    return [`${has}: set TASKFLOW_API_KEY to one that TASKFLOW_API_KEYS names there.`];
  }
  if (code === "forbidden" && key !== null) return ["Use a key with the scope write."];
  if (code === "unknown_task") return ["`taskflow list` shows the tasks there are; final ones are deleted in time."];
  if (code === "unknown_periodic_task") return ["`taskflow periodic list` shows those there are."];
  if (code === "unknown_handler" || code === "handler_load_error") return ["`taskflow handlers` shows their state."];
  if (code === "task_not_retryable") return ["Only a task that failed or was cancelled is retried."];
  if (status === 429 || status === 503) return ["Try again in a moment; `taskflow health` says how the server is."];
  return [];
}

function unreachable(url: string, method: string, cause: unknown): Failure {
  const isRefused = cause instanceof Error && "code" in cause && cause.code === "ConnectionRefused";
  const timedOut = cause instanceof Error && cause.name === "TimeoutError";
  const message = timedOut ? `${url} does not answer.` : `There is no server at ${url}.`;
  if (method !== "GET" && !isRefused) {
    return new Failure("unreachable", `The connection to ${url} broke before the answer came.`, {
      advice: "What was asked for may be done, or not: look before you try again.",
      cause,
    });
  }
  return new Failure("unreachable", message, {
    advice: "Start one with `taskflow start`, or set TASKFLOW_URL to where it is.",
    cause,
  });
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

function nextCursor(response: Response): string | null {
  const next = /<([^>]+)>; rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
  // It says the path alone, whatever the server is called from here.
  return next !== undefined && URL.canParse(next, response.url)
    ? new URL(next, response.url).searchParams.get("cursor")
    : null;
}

/** Reads where the server is and with which key. @throws Failure for an address that is none. */
export function targetFrom(url: string, key: string | undefined): Target {
  const address = url.trim();
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw usageFailure(`'${printable(address)}' is no address of a server.`, "It is like http://127.0.0.1:8000.");
  }
  const given = key?.trim() || null;
  if (given !== null && !/^[\w.~+-]+$/.test(given)) {
    throw usageFailure("TASKFLOW_API_KEY is no key.", "It has letters, digits and . _ ~ + - only.");
  }
  return { url: address.replace(/\/+$/, ""), key: given };
}
