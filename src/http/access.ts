import { timingSafeEqual } from "node:crypto";
import { TaskflowError } from "../domain/error.ts";

/** Who may use the API. `read` sees everything and changes nothing. */
export interface ApiKey {
  readonly name: string;
  readonly key: string;
  readonly scope: "read" | "write";
}

export interface AccessOptions {
  /** None: open to whoever reaches the server, which then must listen on a loopback address. */
  readonly keys: readonly ApiKey[];
  /** Origins whose pages may call the API; null for those of this machine. */
  readonly corsOrigins: readonly string[] | null;
}

/** Who may do what. */
export interface Access {
  /** @throws TaskflowError `unauthorized` or `forbidden` when the request must not be answered. */
  check(request: Request): void;
  /** Whether the request may change things: its key allows it, or none is needed. */
  mayWrite(request: Request): boolean;
  /** The CORS headers of an answer; empty unless a page of an allowed origin asks. */
  corsHeaders(request: Request): Record<string, string>;
}

const readMethods = new Set(["GET", "HEAD", "OPTIONS"]);
const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

export function createAccess({ keys, corsOrigins }: AccessOptions): Access {
  /** Whether a page of `origin` may call a server that the browser knows as `host`. */
  function isAllowed(origin: string, host: string | null): boolean {
    const originHost = hostOf(origin);
    if (originHost === null) return false;
    if (originHost === host) return true;
    return corsOrigins === null ? loopbackHost.test(originHost) : corsOrigins.includes(origin);
  }

  function keyOf(request: Request): ApiKey | null {
    const given = bearer(request) ?? subprotocolKey(request);
    if (given === null) return null;
    // Every key is compared, so that the time says nothing of which one came near.
    return keys.reduce<ApiKey | null>((found, key) => (sameText(given, key.key) ? key : found), null);
  }

  return {
    check(request) {
      const origin = request.headers.get("origin");
      if (origin !== null && !isAllowed(origin, request.headers.get("host"))) {
        throw new TaskflowError("forbidden", `Pages of the origin '${origin.slice(0, 100)}' may not call this server.`);
      }
      if (keys.length === 0) {
        // A page that rebinds its own name to this address still says that name.
        const host = request.headers.get("host") ?? "";
        if (loopbackHost.test(host)) return;
        throw new TaskflowError("forbidden", `This server answers to localhost only, not to '${host.slice(0, 100)}'.`);
      }
      if (request.method === "OPTIONS" || isOpen(request.url)) return;
      const key = keyOf(request);
      if (key === null) {
        throw new TaskflowError("unauthorized", "Send a valid key as 'Authorization: Bearer KEY'.");
      }
      if (key.scope === "read" && !readMethods.has(request.method)) {
        throw new TaskflowError("forbidden", `The key '${key.name}' may only read.`);
      }
    },
    mayWrite: (request) => keys.length === 0 || keyOf(request)?.scope === "write",
    corsHeaders(request) {
      const origin = request.headers.get("origin");
      if (origin === null || !isAllowed(origin, request.headers.get("host"))) return {};
      return {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "Location, Link, Retry-After, X-Request-Id",
        vary: "Origin",
      };
    },
  };
}

/** The answer to a preflight. */
export const preflightHeaders: Readonly<Record<string, string>> = {
  "access-control-allow-methods": "GET, POST, PATCH, DELETE",
  "access-control-allow-headers": "Authorization, Content-Type, Traceparent, X-Request-Id",
  "access-control-max-age": "600",
};

/** Orchestrators probe without a key, and a browser opens a page without one: the pages of the docs hold no data. */
function isOpen(url: string): boolean {
  return /^\/(health(\/live|\/ready)?|docs|docs\/assets\/.*|redoc)$/.test(new URL(url).pathname);
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

function bearer(request: Request): string | null {
  return /^Bearer +(\S+) *$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? null;
}

/** A browser's WebSocket cannot send headers: `new WebSocket(url, ["bearer", KEY])`. */
function subprotocolKey(request: Request): string | null {
  const [scheme, key] = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((part) => part.trim());
  return scheme === "bearer" && key !== undefined ? key : null;
}

/** In a time that depends on neither text, but for their lengths being hidden by a hash. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return new Bun.CryptoHasher("sha256").update(text).digest();
}
