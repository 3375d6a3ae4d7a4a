/** @jsxImportSource preact */
import { useEffect, useState } from "preact/hooks";
import { go, place } from "../address.ts";
import { call } from "../api.ts";
import { dateTime } from "../format.ts";
import { useLoad } from "../load.ts";
import { priorityNames } from "../wire.ts";
import { type Filter, type FilterName, filterIn, pathOf, spans } from "./filter.ts";

/** As people name them: those of the API that wait for a time are "scheduled". */
const statusNames = {
  queued: "queued",
  running: "running",
  retrying: "retrying",
  pending: "scheduled",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
} as const;

/** Milliseconds without another key after which what was typed is looked for. */
const pauseMs = 300;

/** Says which tasks to show; the address holds what it says. */
export function FilterBar({ filter }: { readonly filter: Filter }) {
  const names = useLoad(() => call<{ tasks: readonly string[] }>("GET", "/api/v1/registered-tasks"), []);
  const chosen = new Set(filter.status?.split(","));
  const set = (name: FilterName, value: string) => go(pathOf({ ...filter, [name]: value }), "replacing");
  const toggle = (status: string) => {
    const next = chosen.has(status) ? [...chosen].filter((each) => each !== status) : [...chosen, status];
    set("status", next.join(","));
  };
  const known = names.data?.tasks ?? [];
  const handlers =
    filter.func_name === undefined || known.includes(filter.func_name) ? known : [...known, filter.func_name];
  return (
    <search class="filters">
      <TextFilter label="Id or handler" name="q" filter={filter} kind="search" />
      <fieldset class="chips">
        <legend class="hidden">Status</legend>
        {Object.entries(statusNames).map(([status, name]) => (
          <button
            key={status}
            type="button"
            class={`chip ${status}`}
            aria-pressed={chosen.has(status)}
            onClick={() => toggle(status)}
          >
            {name}
          </button>
        ))}
      </fieldset>
      <select
        aria-label="Handler"
        value={filter.func_name ?? ""}
        onChange={({ currentTarget }) => set("func_name", currentTarget.value)}
      >
        <option value="">All handlers</option>
        {handlers.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <select
        aria-label="Priority"
        value={filter.priority ?? ""}
        onChange={({ currentTarget }) => set("priority", currentTarget.value)}
      >
        <option value="">All priorities</option>
        {priorityNames.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <CreatedFilter filter={filter} />
      <TextFilter label="Text of the error" name="error" filter={filter} kind="text" />
      {Object.keys(filter).length === 0 ? null : (
        <button type="button" class="quiet" onClick={() => go(pathOf({}), "replacing")}>
          Clear
        </button>
      )}
    </search>
  );
}

/** When the tasks were created: within a time up to now, or between two times. */
function CreatedFilter({ filter }: { readonly filter: Filter }) {
  const { within = "", created_after: after = "", created_before: before = "" } = filter;
  const isBetween = after !== "" || before !== "";
  const choose = (choice: string) => {
    const from = choice === "between" ? new Date(Date.now() - 3_600_000).toISOString() : "";
    const rest = { ...filter, created_after: from, created_before: "", within: choice === "between" ? "" : choice };
    go(pathOf(rest), "replacing");
  };
  const set = (name: "created_after" | "created_before") => (event: { readonly currentTarget: HTMLInputElement }) => {
    const time = new Date(event.currentTarget.value);
    go(pathOf({ ...filter, [name]: Number.isNaN(time.getTime()) ? "" : time.toISOString() }), "replacing");
  };
  return (
    <>
      <select
        aria-label="Created"
        value={isBetween ? "between" : within}
        onChange={({ currentTarget }) => choose(currentTarget.value)}
      >
        <option value="">Any time</option>
        {spans.map(({ seconds, name }) => (
          <option key={seconds} value={seconds}>
            {name}
          </option>
        ))}
        <option value="between">between…</option>
      </select>
      {isBetween ? (
        <>
          <input
            type="datetime-local"
            aria-label="Created after"
            value={localTime(after)}
            onChange={set("created_after")}
          />
          <input
            type="datetime-local"
            aria-label="Created before"
            value={localTime(before)}
            onChange={set("created_before")}
          />
        </>
      ) : null}
    </>
  );
}

/** As the field for it wants it, by this browser's clock. */
function localTime(time: string): string {
  return time === "" ? "" : dateTime(time).replace(" ", "T").slice(0, 16);
}

interface TextFilterProps {
  readonly label: string;
  readonly name: FilterName;
  readonly filter: Filter;
  readonly kind: "search" | "text";
}

function TextFilter({ label, name, filter, kind }: TextFilterProps) {
  const inAddress = filter[name] ?? "";
  const [text, setText] = useState(inAddress);
  useEffect(() => setText(inAddress), [inAddress]);
  useEffect(() => {
    if (text.trim() === inAddress) return;
    const timer = setTimeout(
      () => go(pathOf({ ...filterIn(place.value.query), [name]: text.trim() }), "replacing"),
      pauseMs,
    );
    return () => clearTimeout(timer);
  }, [text]);
  const field = {
    "aria-label": label,
    placeholder: label,
    value: text,
    onInput: ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => setText(currentTarget.value),
  };
  return kind === "search" ? <input type="search" {...field} /> : <input type="text" {...field} />;
}
