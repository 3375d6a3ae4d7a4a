/** Characters that are enough to tell one kind from another. */
const longest = 200;

/**
 * The first line of an error without what differs from one task to the next: ids, numbers and quoted text become `…`. Errors
 * of one cause come out the same.
 */
export function failureKind(error: string): string {
  const [line = ""] = error.slice(0, 1_000).trimStart().split("\n", 1);
  const kind = line
    .replace(/(["'`])(?:(?!\1).){1,200}\1/g, "$1…$1")
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "…")
    .replace(/\b(?:0x)?(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi, "…")
    .replace(/\d+(?:[.,:]\d+)*/g, "…")
    .trim();
  return kind.length > longest ? `${kind.slice(0, longest)}…` : kind;
}
