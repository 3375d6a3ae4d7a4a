/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { ApiError, call } from "../api.ts";
import { Dialog } from "../dialog.tsx";
import { useLoad } from "../load.ts";
import { Failure } from "../panel.tsx";
import { type PeriodicEntry, priorityNames } from "../wire.ts";
import { Preview } from "./preview.tsx";

interface EntryFormProps {
  /** The one to change, or null for a new one. */
  readonly entry: PeriodicEntry | null;
  /** Names that are used already. */
  readonly taken: readonly string[];
  readonly onClose: () => void;
  readonly onSaved: (entry: PeriodicEntry) => void;
}

const overlaps = { skip: "skip the time", allow: "run both", replace: "cancel the earlier one" } as const;
const catchUps = { latest: "the latest of them", none: "none of them", all: "all of them" } as const;

/** Creates a periodic task, or changes one. */
export function EntryForm({ entry, taken, onClose, onSaved }: EntryFormProps) {
  const handlers = useLoad(() => call<{ tasks: readonly string[] }>("GET", "/api/v1/registered-tasks"), []);
  const [fields, setFields] = useState(() => fieldsOf(entry));
  const [error, setError] = useState<ApiError | null>(null);
  const set = (name: keyof Fields) => (event: { readonly currentTarget: { readonly value: string } }) =>
    setFields({ ...fields, [name]: event.currentTarget.value });

  async function save(): Promise<void> {
    setError(null);
    try {
      const body = bodyOf(fields);
      const saved =
        entry === null
          ? await call<PeriodicEntry>("POST", "/api/v1/periodic-tasks", { name: fields.name.trim(), ...body })
          : await call<PeriodicEntry>("PATCH", `/api/v1/periodic-tasks/${encodeURIComponent(entry.name)}`, body);
      onSaved(saved);
    } catch (refusal) {
      if (!(refusal instanceof ApiError)) throw refusal;
      setError(refusal);
    }
  }

  const names = handlers.data?.tasks ?? [];
  return (
    <Dialog title={entry === null ? "New periodic task" : `Change ${entry.name}`} onClose={onClose}>
      <form
        class="stacked"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {entry === null ? (
          <label>
            Name
            <input type="text" required autocomplete="off" value={fields.name} onInput={set("name")} />
            {taken.includes(fields.name.trim()) ? (
              <span class="error-text">There is one of this name: it is replaced.</span>
            ) : null}
          </label>
        ) : null}
        <label>
          Handler
          <select required value={fields.func_name} onChange={set("func_name")}>
            <option value="">–</option>
            {(fields.func_name === "" || names.includes(fields.func_name) ? names : [fields.func_name, ...names]).map(
              (name) => (
                <option key={name}>{name}</option>
              ),
            )}
          </select>
        </label>
        <label>
          When (cron)
          <input
            type="text"
            required
            class="mono"
            spellcheck={false}
            autocomplete="off"
            placeholder="30 2 * * *"
            value={fields.cron_expression}
            onInput={set("cron_expression")}
          />
        </label>
        <label>
          Time zone
          <input type="text" list="zones" placeholder="UTC" value={fields.timezone} onInput={set("timezone")} />
        </label>
        <datalist id="zones">
          {Intl.supportedValuesOf("timeZone").map((zone) => (
            <option key={zone} value={zone} />
          ))}
        </datalist>
        <Preview expression={fields.cron_expression} timezone={fields.timezone.trim()} />
        <label>
          Input by name, as JSON
          <textarea spellcheck={false} value={fields.kwargs} onInput={set("kwargs")} />
        </label>
        <div class="pair">
          <Choice
            label="While the task of an earlier time is not done"
            value={fields.overlap}
            choices={overlaps}
            onChange={set("overlap")}
          />
          <Choice
            label="Of times while the server was down, run"
            value={fields.catch_up}
            choices={catchUps}
            onChange={set("catch_up")}
          />
          <label>
            Priority
            <select value={fields.priority} onChange={set("priority")}>
              <option value="">the handler's</option>
              {priorityNames.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <label>
            Timeout in seconds
            <input
              type="text"
              inputMode="decimal"
              placeholder="the handler's"
              value={fields.timeout}
              onInput={set("timeout")}
            />
          </label>
        </div>
        <Failure error={error} />
        <div class="actions">
          <button type="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" class="primary">
            {entry === null ? "Create" : "Save"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly choices: Readonly<Record<string, string>>;
  readonly onChange: (event: { readonly currentTarget: { readonly value: string } }) => void;
}

function Choice({ label, value, choices, onChange }: ChoiceProps) {
  return (
    <label>
      {label}
      <select value={value} onChange={onChange}>
        {Object.entries(choices).map(([name, words]) => (
          <option key={name} value={name}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

type Fields = ReturnType<typeof fieldsOf>;

function fieldsOf(entry: PeriodicEntry | null) {
  return {
    name: "",
    func_name: entry?.func_name ?? "",
    cron_expression: entry?.cron_expression ?? "",
    timezone: entry?.timezone ?? "",
    kwargs: JSON.stringify(entry?.kwargs ?? {}, null, 2),
    overlap: entry?.overlap ?? "skip",
    catch_up: entry?.catch_up ?? "latest",
    priority: entry?.priority == null ? "" : (priorityNames[entry.priority] ?? ""),
    timeout: entry?.timeout == null ? "" : String(entry.timeout),
  };
}

function bodyOf({ name: _name, timezone, kwargs, priority, timeout, ...rest }: Fields) {
  let input: unknown;
  try {
    input = JSON.parse(kwargs);
  } catch (error) {
    throw new ApiError(`The input is not JSON: ${error instanceof Error ? error.message : error}`, 422);
  }
  return {
    ...rest,
    timezone: timezone.trim() || "UTC",
    kwargs: input,
    priority: priority === "" ? null : priority,
    timeout: timeout.trim() === "" ? null : Number(timeout),
  };
}
