import { timingSafeEqual } from "node:crypto";
import { TaskflowError } from "../domain/error.ts";
import { clientOf } from "./client-address.ts";
import { createOriginCheck } from "./origin.ts";
import { WrongKeys } from "./wrong-keys.ts";

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
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** What is known of a request beside itself; asked for when it matters. */
export interface Asking {
  /** The address that it comes from; null when there is no socket. */
  address(): string | null;
  /** Whether what it asks for needs no key. */
  isOpen(): boolean;
}

/** Who may do what. */
export interface Access {
  /** @throws TaskflowError `forbidden`, `unauthorized` or `too_many_wrong_keys` when the request must not be answered. */
  check(request: Request, asking: Asking): void;
  /** Whether the request may change things: its key allows it, or none is needed. */
  mayWrite(request: Request): boolean;
  /** The CORS headers of an answer. */
  corsHeaders(request: Request): Record<string, string>;
}

const readMethods = new Set(["GET", "HEAD", "OPTIONS"]);

export function createAccess({ keys, corsOrigins, now = Date.now }: AccessOptions): Access {
  const origins = createOriginCheck({ isLoopbackOnly: keys.length === 0, corsOrigins });
  const wrongKeys = new WrongKeys({ now });

  function keyFor(given: string): ApiKey | null {
    // Every key is compared, so that the time says nothing of which one came near.
    return keys.reduce<ApiKey | null>((found, key) => (sameText(given, key.key) ? key : found), null);
  }

  return {
    check(request, asking) {
      origins.check(request);
      if (keys.length === 0 || asking.isOpen() || request.method === "OPTIONS") return;
      const given = keyIn(request);
      if (given === null) throw new TaskflowError("unauthorized", "Send a key as 'Authorization: Bearer KEY'.");
      const key = keyFor(given);
      const wait = wrongKeys.heard(clientOf(asking.address() ?? "unknown"), key?.name ?? null);
      if (wait > 0) {
        const detail = "Too many wrong keys came from your address.";
        throw new TaskflowError("too_many_wrong_keys", detail, { retryAfter: wait });
      }
      if (key === null) throw new TaskflowError("unauthorized", "The server does not know this key.");
      if (key.scope === "read" && !readMethods.has(request.method)) {
        throw new TaskflowError("forbidden", `The key '${key.name}' may only read.`);
      }
    },
    mayWrite(request) {
      const given = keyIn(request);
      return keys.length === 0 || (given !== null && keyFor(given)?.scope === "write");
    },
    corsHeaders: origins.corsHeaders,
  };
}

function keyIn({ headers }: Request): string | null {
  return bearer(headers) ?? subprotocolKey(headers);
}

function bearer(headers: Headers): string | null {
  return /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1] ?? null;
}

/** A browser's WebSocket cannot send headers: `new WebSocket(url, ["bearer", KEY])`. */
function subprotocolKey(headers: Headers): string | null {
  const [scheme, key] = (headers.get("sec-websocket-protocol") ?? "").split(",").map((part) => part.trim());
  return scheme === "bearer" && key !== undefined ? key : null;
}

/** In a time that depends on neither text, but for their lengths being hidden by a hash. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return new Bun.CryptoHasher("sha256").update(text).digest();
}
