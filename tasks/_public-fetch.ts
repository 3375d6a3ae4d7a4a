import { lookup } from "node:dns/promises";
import ipaddr from "ipaddr.js";
import { PermanentError } from "taskflow";

export interface PublicFetchOptions {
  readonly signal: AbortSignal;
  /** Whether addresses that are not public may be reached as well. */
  readonly privateAddresses: "refused" | "allowed";
  /** Every address of a host; an address is its own. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  readonly fetch?: (url: string, init: BunFetchRequestInit) => Promise<Response>;
}

const maxRedirects = 5;

/**
 * GETs an http or https URL that someone else chose, without letting them reach into the network this machine is in.
 * Follows up to five redirects, each under the same rules. The response's status may be any; `url` is where it came from.
 * @throws PermanentError for a URL that is refused: another scheme, credentials in it, a private address.
 */
export async function publicFetch(
  address: string,
  options: PublicFetchOptions,
): Promise<{ readonly url: URL; readonly response: Response }> {
  let url = parseUrl(address);
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const response = await fetchFrom(url, await checkedAddresses(url, options), options);
    const location = redirectStatuses.has(response.status) ? response.headers.get("location") : null;
    if (location === null) return { url, response };
    await response.body?.cancel();
    url = parseUrl(location, url);
  }
  throw new PermanentError(`${address} was redirected more than ${maxRedirects} times`);
}

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The WHATWG parser also brings the other spellings of an IPv4 address (2130706433, 0x7f.1, 0177.0.0.1) to the usual one. */
function parseUrl(address: string, base?: URL): URL {
  const url = URL.parse(address, base);
  if (url === null) throw new PermanentError(`${address} is no URL`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new PermanentError(`Only http and https URLs are fetched, not ${url.protocol}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new PermanentError("A URL with credentials is not fetched: they would be kept with the task");
  }
  return url;
}

async function checkedAddresses(
  url: URL,
  { signal, privateAddresses, resolve = addressesOf }: PublicFetchOptions,
): Promise<readonly string[]> {
  const host = hostOf(url);
  const addresses = await orAborted(resolve(host), signal);
  const refused = privateAddresses === "allowed" ? undefined : addresses.find((address) => !isPublic(address));
  if (refused === undefined) return addresses;
  const which = refused === host ? host : `${host} (${refused})`;
  throw new PermanentError(`${which} is not a public address; FETCH_ALLOW_PRIVATE=1 allows it`);
}

/** The host as a resolver takes it: an IPv6 address without its brackets. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

async function addressesOf(host: string): Promise<readonly string[]> {
  // IPv4 first: a machine with a broken IPv6 route waits long for nothing.
  const found = await lookup(host, { all: true, order: "ipv4first" });
  return found.map(({ address }) => address);
}

/** A look-up cannot be stopped, but nobody has to wait for it. */
function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return Promise.race([promise, aborted]);
}

/** What is not known to be public is not: private, loopback, link-local, carrier-grade NAT, multicast and all the rest. */
function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const ip = ipaddr.parse(address);
  if (ip.range() !== "unicast") return false;
  if (ip.kind() === "ipv6") return ip.match(globalUnicast);
  return !publicMetadata.has(ip.toString());
}

/** The only block of IPv6 that is handed out; outside it lie forms such as ::127.0.0.1. */
const globalUnicast = ipaddr.parseCIDR("2000::/3");

/** Metadata services of clouds that answer on an address which looks public (Azure). The others are link-local or private. */
const publicMetadata: ReadonlySet<string> = new Set(["168.63.129.16"]);

/**
 * Connects to the addresses that were checked and to no other: the address stands in the URL, the host in `Host` and in
 * the TLS handshake. By its name the host could have another address by now (DNS rebinding).
 */
async function fetchFrom(
  url: URL,
  addresses: readonly string[],
  { signal, fetch = globalThis.fetch }: PublicFetchOptions,
): Promise<Response> {
  const host = hostOf(url);
  let failure: unknown = new Error(`${host} has no address`);
  for (const address of addresses) {
    try {
      return await fetch(withHost(url, address), {
        signal,
        redirect: "manual",
        // A proxy would look the host up by itself.
        proxy: false,
        headers: { host: url.host, accept: "application/json, text/*;q=0.9, */*;q=0.1" },
        ...(ipaddr.isValid(host) ? {} : { tls: { serverName: host.replace(/\.$/, "") } }),
      });
    } catch (error) {
      if (signal.aborted) throw error;
      failure = error;
    }
  }
  throw failure;
}

function withHost(url: URL, address: string): string {
  const target = new URL(url);
  target.hostname = ipaddr.isValid(address) && ipaddr.parse(address).kind() === "ipv6" ? `[${address}]` : address;
  return target.href;
}
