/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { place } from "./address.ts";
import { access, currentKey, forgetKey } from "./api.ts";
import { ConnectionState, LostConnection } from "./connection.tsx";
import { Dialog } from "./dialog.tsx";
import { shortId } from "./format.ts";
import { Handler } from "./handlers/handler.tsx";
import { Handlers } from "./handlers/handlers.tsx";
import { KeyForm } from "./key-form.tsx";
import { Overview } from "./overview/overview.tsx";
import { Empty } from "./panel.tsx";
import { pathTo } from "./paths.ts";
import { Entry } from "./periodic/entry.tsx";
import { Periodic } from "./periodic/periodic.tsx";
import { help, places } from "./shortcuts.ts";
import { useShared } from "./state.ts";
import { System } from "./system/system.tsx";
import { Task } from "./task/task.tsx";
import { Tasks } from "./tasks/tasks.tsx";
import { type Theme, theme, themes } from "./theme.ts";

/** The frame around every page, with the page that the address asks for. */
export function Shell() {
  const { parts } = useShared(place);
  const { key } = useShared(access);
  const [first = "", second] = parts;
  const { name, content } = pageFor(first, second);
  useEffect(() => {
    document.title = name === "Overview" ? "TaskFlow" : `${name} · TaskFlow`;
  }, [name]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="bar">
        <a class="brand" href={pathTo()}>
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="7" />
            <path d="M7 10h12M7 16h18M7 22h8" />
          </svg>
          TaskFlow
        </a>
        <nav aria-label="Pages">
          {pages.map((page) => (
            <a
              key={page.at}
              href={pathTo(...(page.at === "" ? [] : [page.at]))}
              aria-current={page.at === first ? "page" : undefined}
            >
              {page.name}
            </a>
          ))}
        </nav>
        <span class="end">
          <KeyState />
          <ConnectionState />
          <ThemeSwitch />
          <a href="/docs">Docs</a>
        </span>
      </header>
      <LostConnection />
      <main id="main" tabIndex={-1}>
        {key === "fine" ? content : <KeyForm refused={key === "refused"} />}
      </main>
      <Help />
    </>
  );
}

/** What there is, in the order of the bar; `at` is the first part of the address. */
const pages: readonly { readonly at: string; readonly name: string }[] = [
  { at: "", name: "Overview" },
  { at: "tasks", name: "Tasks" },
  { at: "handlers", name: "Handlers" },
  { at: "periodic", name: "Periodic" },
  { at: "system", name: "System" },
];

function pageFor(first: string, second: string | undefined): { name: string; content: ComponentChildren } {
  if (first === "" && second === undefined) return { name: "Overview", content: <Overview /> };
  if (first === "tasks" && second === undefined) return { name: "Tasks", content: <Tasks /> };
  if (first === "tasks" && second !== undefined)
    return { name: `Task ${shortId(second)}`, content: <Task id={second} /> };
  if (first === "handlers" && second === undefined) return { name: "Handlers", content: <Handlers /> };
  if (first === "handlers" && second !== undefined) return { name: second, content: <Handler name={second} /> };
  if (first === "periodic" && second === undefined) return { name: "Periodic tasks", content: <Periodic /> };
  if (first === "periodic" && second !== undefined) return { name: second, content: <Entry name={second} /> };
  if (first === "system" && second === undefined) return { name: "System", content: <System /> };
  return {
    name: "Nothing here",
    content: (
      <Empty title="There is nothing at this address">
        <a href={pathTo()}>Go to the overview</a>
      </Empty>
    ),
  };
}

/** What the key allows, and a way to forget it, where there is one. */
function KeyState() {
  const { key, mayWrite } = useShared(access);
  if (key !== "fine" || currentKey() === null) return null;
  const forget = () => {
    forgetKey();
    // All that was fetched and is connected with it goes, too.
    location.reload();
  };
  return (
    <>
      {mayWrite ? null : <span class="muted read-only">Read only</span>}
      <button type="button" class="quiet" onClick={forget}>
        Forget key
      </button>
    </>
  );
}

function ThemeSwitch() {
  const chosen = useShared(theme);
  return (
    <select
      class="quiet"
      aria-label="Colours"
      value={chosen}
      onChange={({ currentTarget }) => theme.set(themes.find((each) => each === currentTarget.value) ?? "system")}
    >
      {themes.map((each) => (
        <option key={each} value={each}>
          {themeNames[each]}
        </option>
      ))}
    </select>
  );
}

const themeNames: Readonly<Record<Theme, string>> = { system: "Auto", light: "Light", dark: "Dark" };

function Help() {
  if (!useShared(help)) return null;
  return (
    <Dialog title="Keys" onClose={() => help.set(false)}>
      <dl class="keys">
        <dt>
          <kbd>/</kbd>
        </dt>
        <dd>Search</dd>
        {Object.entries(places).map(([letter, { name }]) => (
          <>
            <dt>
              <kbd>g</kbd> <kbd>{letter}</kbd>
            </dt>
            <dd>{name}</dd>
          </>
        ))}
        <dt>
          <kbd>↓</kbd> <kbd>↑</kbd> or <kbd>j</kbd> <kbd>k</kbd>
        </dt>
        <dd>Next and previous row</dd>
        <dt>
          <kbd>Enter</kbd>
        </dt>
        <dd>Open the row</dd>
        <dt>
          <kbd>Esc</kbd>
        </dt>
        <dd>Close, or leave a field</dd>
      </dl>
    </Dialog>
  );
}
