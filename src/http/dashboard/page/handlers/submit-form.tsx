/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { go } from "../address.ts";
import { ApiError, access, call, readOnlyReason } from "../api.ts";
import { Failure } from "../panel.tsx";
import { pathTo } from "../paths.ts";
import { useShared } from "../state.ts";
import { priorityNames, type Task } from "../wire.ts";
import { ObjectFields } from "./field.tsx";
import { initialOf, isRecord, isSchema, type Schema } from "./schema.ts";

/** A form made from the handler's input schema: it submits a task, and goes to it. */
export function SubmitForm({ name, schema }: { readonly name: string; readonly schema: unknown }) {
  const input: Schema | null = isSchema(schema) ? schema : null;
  const { mayWrite } = useShared(access);
  const [kwargs, setKwargs] = useState<unknown>(() =>
    input === null ? {} : initialOf({ ...input, type: "object" }, true),
  );
  const [json, setJson] = useState<string | null>(input === null ? "{}" : null);
  const [priority, setPriority] = useState("");
  const [delay, setDelay] = useState("");
  const [error, setError] = useState<ApiError | null>(null);

  async function submit(): Promise<void> {
    setError(null);
    try {
      const body = {
        func_name: name,
        kwargs: json === null ? kwargs : parsed(json),
        ...(priority === "" ? {} : { priority }),
        ...(delay === "" ? {} : { delay: Number(delay) }),
      };
      const { task_id } = await call<Task>("POST", "/api/v1/tasks", body);
      go(pathTo("tasks", task_id));
    } catch (refusal) {
      if (!(refusal instanceof ApiError)) throw refusal;
      setError(refusal);
    }
  }

  function switchForm(): void {
    if (json === null) setJson(JSON.stringify(kwargs, null, 2));
    else {
      try {
        const value = parsed(json);
        if (isRecord(value)) setKwargs(value);
        setJson(null);
      } catch (fault) {
        if (!(fault instanceof ApiError)) throw fault;
        setError(fault);
      }
    }
  }

  const hasFields = Object.keys(input?.properties ?? {}).length > 0;
  return (
    <form
      class="body submit"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {json !== null ? (
        <label class="stacked">
          Input as JSON
          <textarea
            rows={10}
            spellcheck={false}
            value={json}
            onInput={({ currentTarget }) => setJson(currentTarget.value)}
          />
        </label>
      ) : hasFields ? (
        <ObjectFields
          name="input"
          schema={input ?? {}}
          isRequired
          value={isRecord(kwargs) ? kwargs : {}}
          onChange={setKwargs}
          path="/kwargs"
          faults={error?.faults ?? []}
        />
      ) : (
        <p class="muted">It takes no input.</p>
      )}
      <Failure error={error} />
      <div class="actions">
        <button type="submit" class="primary" disabled={!mayWrite} title={mayWrite ? undefined : readOnlyReason}>
          Submit
        </button>
        <label>
          Priority{" "}
          <select value={priority} onChange={({ currentTarget }) => setPriority(currentTarget.value)}>
            <option value="">the handler's</option>
            {priorityNames.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label>
          Delay{" "}
          <input
            type="text"
            inputMode="decimal"
            class="short"
            placeholder="0"
            value={delay}
            onInput={({ currentTarget }) => setDelay(currentTarget.value.trim())}
          />{" "}
          s
        </label>
        {hasFields ? (
          <button type="button" class="quiet" onClick={switchForm}>
            {json === null ? "Edit as JSON" : "Back to the form"}
          </button>
        ) : null}
      </div>
    </form>
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError(`The input is not JSON: ${error instanceof Error ? error.message : error}`, 422);
  }
}
