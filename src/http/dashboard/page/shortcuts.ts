import { go } from "./address.ts";
import { pathTo } from "./paths.ts";
import { type Shared, share } from "./state.ts";

/** Whether the list of keys is shown. */
export const help: Shared<boolean> = share(false);

/** What `g` and a letter go to. */
export const places: Readonly<Record<string, { readonly name: string; readonly path: string }>> = {
  o: { name: "Overview", path: pathTo() },
  t: { name: "Tasks", path: pathTo("tasks") },
  h: { name: "Handlers", path: pathTo("handlers") },
  p: { name: "Periodic tasks", path: pathTo("periodic") },
  s: { name: "System", path: pathTo("system") },
};

/** Milliseconds in which the letter has to follow the `g`. */
const sequenceMs = 1_500;

/** Keys that work everywhere but in a field that is typed into. */
export function followShortcuts(): void {
  let leaderAt = Number.NEGATIVE_INFINITY;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") !== null) return;
    if (isTyping(event.target)) {
      if (event.key !== "Escape" || !(event.target instanceof HTMLElement)) return;
      // A search field would be emptied.
      event.preventDefault();
      event.target.blur();
      return;
    }
    const isSecond = event.timeStamp - leaderAt < sequenceMs;
    leaderAt = event.key === "g" && !isSecond ? event.timeStamp : Number.NEGATIVE_INFINITY;
    const target = isSecond ? places[event.key] : undefined;
    if (target !== undefined) go(target.path);
    else if (event.key === "/") focusSearch(event);
    else if (event.key === "?") help.set(true);
    else moveInTable(event);
  });
}

function focusSearch(event: KeyboardEvent): void {
  const field = document.querySelector<HTMLInputElement>("input[type=search]");
  if (field === null) return;
  event.preventDefault();
  field.focus();
  field.select();
}

/** Arrows go from row to row of the table that has the focus, or of the first; Enter opens by itself, for a row's link has it. */
function moveInTable(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (step === undefined) return;
  const active = document.activeElement;
  const table = active?.closest("table") ?? document.querySelector("table[data-rows]");
  if (table == null) return;
  const rows = [...table.querySelectorAll<HTMLElement>("tbody tr a.row")];
  const at = rows.findIndex((row) => row.closest("tr")?.contains(active) === true);
  // From outside, only a letter starts: the arrows scroll the page.
  if (at === -1 && event.key.startsWith("Arrow") && active !== document.body) return;
  const next = rows[at === -1 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step))];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}
