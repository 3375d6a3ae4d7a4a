/** What every address of the dashboard begins with. */
export const root = "/dashboard";

/** The address of a place: `pathTo("tasks", id)`. */
export function pathTo(...parts: readonly string[]): string {
  return [root, ...parts.map(encodeURIComponent)].join("/");
}

/** `path` with the parameters that have a value. */
export function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}
