/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import type { Fault } from "../api.ts";
import { choicesOf, initialOf, isRecord, kindOf, type Schema } from "./schema.ts";

export interface FieldProps {
  readonly name: string;
  readonly schema: Schema;
  readonly isRequired: boolean;
  readonly value: unknown;
  /** With undefined for nothing. */
  readonly onChange: (value: unknown) => void;
  /** Where it lies in what is sent, as a JSON Pointer. */
  readonly path: string;
  readonly faults: readonly Fault[];
}

/** What to put a value in by, made from its schema, with what it is and what is wrong with it. */
export function Field(props: FieldProps) {
  const { name, schema, isRequired, path, faults } = props;
  const kind = kindOf(schema);
  const id = `field${path}`;
  const fault = faults.find((each) => each.path === path)?.message;
  if (kind === "object" || kind === "list") {
    return (
      <fieldset class="nested">
        <legend>
          {name} <Kind schema={schema} isRequired={isRequired} />
        </legend>
        {schema.description === undefined ? null : <p class="muted">{schema.description}</p>}
        {kind === "object" ? <ObjectFields {...props} /> : <ListFields {...props} />}
        {fault === undefined ? null : <p class="error-text">{fault}</p>}
      </fieldset>
    );
  }
  return (
    <div class="field">
      <label for={id}>
        {name} <Kind schema={schema} isRequired={isRequired} />
      </label>
      <Input {...props} id={id} isInvalid={fault !== undefined} />
      <p id={`${id}-about`} class="muted">
        {schema.description}
        {fault === undefined ? null : <span class="error-text"> {fault}</span>}
      </p>
    </div>
  );
}

/** Its type and bounds, in a few words. */
function Kind({ schema, isRequired }: { readonly schema: Schema; readonly isRequired: boolean }) {
  const { type, format, minimum, maximum } = schema;
  const bounds = [minimum === undefined ? "" : `from ${minimum}`, maximum === undefined ? "" : `to ${maximum}`];
  const words = [
    format ?? (choicesOf(schema) === null ? type : ""),
    ...bounds,
    isRequired && schema.default === undefined ? "required" : "",
  ];
  return <small class="muted">{words.filter(Boolean).join(" · ")}</small>;
}

type InputProps = FieldProps & { readonly id: string; readonly isInvalid: boolean };

function Input({ schema, isRequired, value, onChange, id, isInvalid }: InputProps) {
  const shared = { id, "aria-describedby": `${id}-about`, "aria-invalid": isInvalid };
  const example = schema.examples?.[0] === undefined ? undefined : `for example ${String(schema.examples[0])}`;
  switch (kindOf(schema)) {
    case "choice": {
      const choices = choicesOf(schema) ?? [];
      const at = choices.indexOf(value);
      return (
        <select
          {...shared}
          value={String(at)}
          onChange={({ currentTarget }) => onChange(choices[Number(currentTarget.value)])}
        >
          {isRequired ? null : <option value="-1">–</option>}
          {choices.map((choice, index) => (
            <option key={String(choice)} value={index}>
              {String(choice)}
            </option>
          ))}
        </select>
      );
    }
    case "switch":
      return (
        <input
          {...shared}
          type="checkbox"
          checked={value === true}
          onChange={({ currentTarget }) => onChange(currentTarget.checked)}
        />
      );
    case "text":
      return (
        <input
          {...shared}
          type="text"
          autocomplete="off"
          {...(example === undefined ? {} : { placeholder: example })}
          value={typeof value === "string" ? value : ""}
          onInput={({ currentTarget }) =>
            onChange(currentTarget.value === "" && !isRequired ? undefined : currentTarget.value)
          }
        />
      );
    case "number":
      return <NumberInput {...shared} value={value} onChange={onChange} />;
    default:
      return <JsonInput {...shared} value={value} onChange={onChange} />;
  }
}

interface TypedProps {
  readonly id: string;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}

/** What is no number is sent as it was typed: the server says what is wrong with it. */
function NumberInput({ value, onChange, ...shared }: TypedProps) {
  const [text, setText] = useState(value === undefined ? "" : String(value));
  return (
    <input
      {...shared}
      type="text"
      inputMode="decimal"
      autocomplete="off"
      value={text}
      onInput={({ currentTarget }) => {
        const typed = currentTarget.value.trim();
        setText(currentTarget.value);
        onChange(typed === "" ? undefined : Number.isNaN(Number(typed)) ? typed : Number(typed));
      }}
    />
  );
}

function JsonInput({ value, onChange, ...shared }: TypedProps) {
  const [text, setText] = useState(value === undefined ? "" : JSON.stringify(value, null, 2));
  return (
    <textarea
      {...shared}
      spellcheck={false}
      placeholder="JSON"
      value={text}
      onInput={({ currentTarget }) => {
        setText(currentTarget.value);
        onChange(parsed(currentTarget.value));
      }}
    />
  );
}

/** Text that is not JSON stands for itself. */
function parsed(text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The fields of an object, or a way to give it when it may be left out. */
export function ObjectFields({ schema, isRequired, value, onChange, path, faults, name }: FieldProps) {
  if (!isRecord(value)) {
    return (
      <button type="button" onClick={() => onChange(initialOf(schema, true))}>
        Give {name}
      </button>
    );
  }
  return (
    <>
      {Object.entries(schema.properties ?? {}).map(([key, each]) => (
        <Field
          key={key}
          name={key}
          schema={each}
          isRequired={schema.required?.includes(key) === true}
          value={value[key]}
          onChange={(next) => {
            const { [key]: _before, ...rest } = value;
            onChange(next === undefined ? rest : { ...rest, [key]: next });
          }}
          path={`${path}/${key}`}
          faults={faults}
        />
      ))}
      {isRequired ? null : (
        <button type="button" onClick={() => onChange(undefined)}>
          Leave {name} out
        </button>
      )}
    </>
  );
}

function ListFields({ schema, value, onChange, path, faults, name }: FieldProps) {
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  const item = schema.items ?? {};
  return (
    <>
      {items.map((each, index) => (
        <div class="item" key={`${items.length} ${index}`}>
          <Field
            name={String(index + 1)}
            schema={item}
            isRequired
            value={each}
            onChange={(next) => onChange(items.with(index, next))}
            path={`${path}/${index}`}
            faults={faults}
          />
          <button
            type="button"
            class="quiet"
            aria-label={`Take ${name} ${index + 1} away`}
            onClick={() => onChange(items.toSpliced(index, 1))}
          >
            ✕
          </button>
        </div>
      ))}
      <button type="button" onClick={() => onChange([...items, initialOf(item, true)])}>
        Add to {name}
      </button>
    </>
  );
}
