/** What a route may set of its answer; Elysia's `set`. */
export interface Answer {
  status?: number | string;
  headers: Record<string, string | number>;
}

/**
 * What every answer tells a browser: to take it for what it says it is, to show it in no other site's page, to hand it to no
 * other site, and not to keep it. A page has a policy of its own.
 */
export const safeHeaders: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

/** Marks `text`, which is JSON already, as such. */
export function json(set: Answer, text: string): string {
  set.headers["content-type"] = "application/json";
  return text;
}
