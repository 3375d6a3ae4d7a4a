import { type Shared, share } from "./state.ts";

const root = "/dashboard";

/** Where the page is. */
export interface Place {
  /** The parts of the path below `/dashboard`, decoded. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

export const place: Shared<Place> = share(read());

/** The address of a place: `pathTo("tasks", id)`. */
export function pathTo(...parts: readonly string[]): string {
  return [root, ...parts.map(encodeURIComponent)].join("/");
}

/** `path` with the parameters that have a value. */
export function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

/** Goes to an address of the dashboard; `replacing` the present one in the browser's history. */
export function go(path: string, how: "adding" | "replacing" = "adding"): void {
  if (how === "adding") history.pushState(null, "", path);
  else history.replaceState(null, "", path);
  place.set(read());
  if (how === "adding") scrollTo(0, 0);
}

/** Follows the browser's history, and links without loading the page anew. */
export function followAddress(): void {
  addEventListener("popstate", () => place.set(read()));
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.target !== "" || link.origin !== location.origin) return;
    if (link.pathname !== root && !link.pathname.startsWith(`${root}/`)) return;
    if (link.hash !== "") return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

function read(): Place {
  const parts = location.pathname.slice(root.length).split("/").filter(Boolean).map(decoded);
  return { parts, query: new URLSearchParams(location.search) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
