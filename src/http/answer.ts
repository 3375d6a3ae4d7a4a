/** What a route may set of its answer; Elysia's `set`. */
export interface Answer {
  status?: number | string;
  headers: Record<string, string | number>;
}

/** Marks `text`, which is JSON already, as such. */
export function json(set: Answer, text: string): string {
  set.headers["content-type"] = "application/json";
  return text;
}
