import type { LogLine } from "../wire.ts";

/** The lines that were fetched, with those that were heard meanwhile: some of these are the last of the fetched ones. */
export function joined(fetched: readonly LogLine[], heard: readonly LogLine[]): readonly LogLine[] {
  return [...fetched, ...heard.slice(overlap(fetched, heard))];
}

/** How many of the first lines heard are the last ones fetched. */
function overlap(fetched: readonly LogLine[], heard: readonly LogLine[]): number {
  for (let size = Math.min(fetched.length, heard.length); size > 0; size--) {
    if (fetched.slice(-size).every((line, index) => isSame(line, heard[index]))) return size;
  }
  return 0;
}

function isSame(a: LogLine, b: LogLine | undefined): boolean {
  return a.time === b?.time && a.attempt === b.attempt && a.level === b.level && a.message === b.message;
}
