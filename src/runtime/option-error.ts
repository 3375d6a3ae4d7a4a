import type { ValueError } from "@sinclair/typebox/compiler";
import { didYouMean } from "../domain/suggest.ts";

/** An option that a handler's file has wrong, and the words in the file that lead to it, from the outside in. */
export class OptionError extends Error {
  readonly mentions: readonly string[];

  constructor(message: string, mentions: readonly string[]) {
    super(message);
    this.mentions = mentions;
  }
}

/**
 * What TypeBox finds wrong with options, in a sentence.
 * @param at the option that they are of, `""` for those of the handler itself
 */
export function wrongOption(error: ValueError | undefined, at = ""): string {
  if (error === undefined) return "its options are wrong";
  const path = `${at}${error.path.replaceAll("/", ".")}`.replace(/^\./, "");
  if (error.message === "Unexpected property") return `unknown option '${path}'.${hint(path, error)}`;
  if (error.value === undefined) return `option '${path}' is required`;
  const wanted = error.schema.anyOf === undefined ? lowerFirst(error.message) : `must be ${error.schema.description}`;
  return `option '${path}': ${wanted}, got ${JSON.stringify(error.value)}`;
}

/** Where the words are in the file, each after the one before, as far as they are there. */
export function placeOf(source: string, mentions: readonly string[]): { line: number; column: number } | null {
  let place = -1;
  for (const mention of mentions) {
    const found = source.indexOf(mention, place + 1);
    if (found < 0) break;
    place = found;
  }
  if (place < 0) return null;
  const lines = source.slice(0, place).split("\n");
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

/** TypeBox says of a property too many which object has it. */
function hint(path: string, { schema }: ValueError): string {
  const known = Object.keys(schema.properties ?? {});
  const name = path.split(".").at(-1) ?? "";
  if (name === path) return didYouMean(name, [...known, "run"]);
  return didYouMean(name, known) || ` It takes ${known.join(", ")}.`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
