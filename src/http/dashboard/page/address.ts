import { root } from "./paths.ts";
import { type Shared, share } from "./state.ts";

/** Where the page is. */
export interface Place {
  /** The parts of the path below `/dashboard`, decoded. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

export const place: Shared<Place> = share(read());

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
