import type { Config } from "./config.ts";
import type { AccessOptions } from "./http/access.ts";

/** Who may use the server, with the key that was made for it, if one was. */
export interface ServerAccess extends AccessOptions {
  /** Not among the configured ones: whoever starts the server has to be told. */
  readonly madeKey: string | null;
}

/** The system does not let the server listen there. The message is for whoever starts it. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** Open on a loopback address; on any other one there is a key, made here when none is configured. */
export function resolveAccess({ host, apiKeys, corsOrigins }: Config): ServerAccess {
  if (apiKeys.length > 0 || isLoopback(host)) return { keys: apiKeys, corsOrigins, madeKey: null };
  const madeKey = Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString("hex");
  return { keys: [{ name: "start", key: madeKey, scope: "write" }], corsOrigins, madeKey };
}

/** The server's address for a client on this machine. */
export function reachableUrl(host: string, port: number): string {
  if (host === "0.0.0.0" || host === "::" || host === "[::]") return `http://127.0.0.1:${port}`;
  return `http://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);
}
