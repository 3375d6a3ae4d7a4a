import { TaskflowError } from "../domain/error.ts";

export interface OriginOptions {
  /** Nothing but its address protects the server, so that it answers to the names of this machine only. */
  readonly isLoopbackOnly: boolean;
  /** Origins whose pages may call the API; null for those of this machine. */
  readonly corsOrigins: readonly string[] | null;
}

/** Keeps out web pages that have no business here, whoever visits them and whatever that visitor may do. */
export interface OriginCheck {
  /** @throws TaskflowError `forbidden` */
  check(request: Request): void;
  /** The CORS headers of an answer: beside `vary` none, unless a page of an allowed origin asks. */
  corsHeaders(request: Request): Record<string, string>;
}

/** What a browser sends in `Host`: a name or an address, and a port unless it is the usual one. */
const hostShape = /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i;
const loopbackHost = /^(localhost\.?|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;
const webOrigin = /^(https?):\/\/([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i;

export function createOriginCheck({ isLoopbackOnly, corsOrigins }: OriginOptions): OriginCheck {
  function isAllowed(origin: string, host: string): boolean {
    if (corsOrigins?.includes(origin)) return true;
    const scheme = webOrigin.exec(origin)?.[1];
    if (scheme === undefined) return false;
    const asked = normalHost(`${scheme}://${host}`);
    const from = normalHost(origin);
    if (from === null) return false;
    return from === asked || (corsOrigins === null && loopbackHost.test(from));
  }

  return {
    check({ headers, method, url }) {
      const host = headers.get("host") ?? "";
      // Without a usable Host the URL has no host either, and nothing could be told of where the request belongs.
      if (!hostShape.test(host) || !url.startsWith("http")) throw refused("The request has no valid Host header.");
      // A page that rebinds its own name to this address still says that name.
      if (isLoopbackOnly && !loopbackHost.test(host)) {
        throw refused(`This server answers to localhost only, not to '${host.slice(0, 100)}'.`);
      }
      const origin = headers.get("origin");
      if (origin === null) {
        if (isForeignLoad(method, headers)) throw refused("Pages of other sites may not load this.");
      } else if (!isAllowed(origin, host)) {
        throw refused(`Pages of the origin '${origin.slice(0, 100)}' may not call this server.`);
      }
    },
    corsHeaders({ headers }) {
      const origin = headers.get("origin");
      if (origin === null || !isAllowed(origin, headers.get("host") ?? "")) return { vary: "Origin" };
      return {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "Location, Link, Retry-After, X-Request-Id",
        vary: "Origin",
      };
    },
  };
}

/** The answer to a preflight. Keys are sent by the page itself, so that no cookies or other credentials are allowed. */
export const preflightHeaders: Readonly<Record<string, string>> = {
  "access-control-allow-methods": "GET, POST, PATCH, DELETE",
  "access-control-allow-headers": "Authorization, Content-Type, Traceparent, X-Request-Id",
  "access-control-max-age": "600",
};

/**
 * Whether a browser says that a page of another site loads this by itself, as an image, a script or a form: such requests
 * need not carry an Origin. Following a link to a page is something else.
 */
function isForeignLoad(method: string, headers: Headers): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== "cross-site" && site !== "same-site") return false;
  return method !== "GET" || headers.get("sec-fetch-mode") !== "navigate";
}

/** The host of an origin in lower case and without the usual port, or null when it is none. */
function normalHost(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

function refused(detail: string): TaskflowError {
  return new TaskflowError("forbidden", detail);
}
