import type { Log } from "../domain/log.ts";
import { readTraceparent } from "../domain/traceparent.ts";
import type { Origin } from "../engine/submit.ts";
import type { Answer } from "./answer.ts";
import type { Traffic } from "./traffic.ts";

/** The header that names a request: taken from whoever sends a fit one, else made, and in every answer. */
export const requestIdHeader = "x-request-id";

/** A request with its answer's status. */
export interface Answered {
  readonly request: Request;
  readonly id: string;
  /** As `performance.now()` was when it came. */
  readonly receivedAt: number;
  /** The route that took it, as the router knows it. */
  readonly route: string | undefined;
  readonly status: number;
}

/** What is fit to stand in a header and a log as it is, and short enough to be kept with each line. */
const fitId = /^[\w.:+/=~@-]{1,128}$/;

export function requestId({ headers }: Request): string {
  const given = headers.get(requestIdHeader);
  return given !== null && fitId.test(given) ? given : Bun.randomUUIDv7();
}

/** What a submission is to remember of the request that it comes by, whose answer bears its id already. */
export function originOf({ headers }: Request, { headers: answered }: Answer): Origin {
  const traceparent = readTraceparent(headers.get("traceparent"));
  return { requestId: String(answered[requestIdHeader] ?? ""), traceparent };
}

/** Counts and times a request, and says in the log, at debug, that it was answered. */
export function noteAnswer({ request, id, receivedAt, route, status }: Answered, traffic: Traffic, log: Log): void {
  const seconds = (performance.now() - receivedAt) / 1_000;
  const { method, url } = request;
  traffic.answered(method, route, status, seconds);
  const duration = Math.round(seconds * 1e6) / 1e6;
  log.debug({ request_id: id, method, path: pathOf(url), status, duration }, "request answered");
}

/** Without the query, which may carry a key. Where the request has no valid Host the URL begins with the path. */
export function pathOf(url: string): string {
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("//") + 2);
  const end = url.slice(start).search(/[?#]/);
  return end === -1 ? url.slice(start) : url.slice(start, start + end);
}
