/** @jsxImportSource preact */
import { priorityNames } from "./wire.ts";

/** A task's status, an attempt's outcome or a handler's state, by word and colour. */
export function Status({ of }: { readonly of: string }) {
  return <span class={`status ${of}`}>{words[of] ?? of.replaceAll("_", " ")}</span>;
}

export function Priority({ of }: { readonly of: number }) {
  return <span class={`priority p${of}`}>{priorityNames[of]}</span>;
}

const words: Readonly<Record<string, string>> = { pending: "scheduled", load_error: "does not load" };
