import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { Fault } from "./error.ts";
import { didYouMean } from "./suggest.ts";

/** A handler's input schema as plain JSON Schema, an object at its top. */
export interface InputSchema {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly additionalProperties?: unknown;
  readonly patternProperties?: unknown;
  readonly [keyword: string]: unknown;
}

export type Bound =
  | { readonly ok: true; readonly input: Record<string, unknown> }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** Binds `args` and `kwargs` as a Python call would, fills in defaults and validates. Changes what it is given. */
export type BindInput = (args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>) => Bound;

const ajv = addFormats.default(new Ajv2020({ allErrors: true, strict: false, useDefaults: true }));

/**
 * The binder of a handler with this schema; without one it takes any `kwargs`.
 * @throws Error when the schema is no valid JSON Schema of an object.
 */
export function compileInput(schema: InputSchema | null): BindInput {
  if (schema === null) return bindFree;
  if (schema.type !== "object") throw new Error("input must be an object schema, t.Object({ ... })");
  const names = Object.keys(schema.properties ?? {});
  const open = schema.additionalProperties !== undefined || schema.patternProperties !== undefined;
  const validate = ajv.compile(schema);

  return (args, kwargs) => {
    const faults: Fault[] = [];
    const input: Record<string, unknown> = {};
    if (args.length > names.length) {
      faults.push({ path: `/args/${names.length}`, message: tooMany(args.length, names) });
    }
    names.slice(0, args.length).forEach((name, index) => {
      if (Object.hasOwn(kwargs, name)) {
        faults.push({ path: `/kwargs/${pointer(name)}`, message: `'${name}' is given twice: in args and in kwargs` });
      }
      assign(input, name, args[index]);
    });
    for (const [name, value] of Object.entries(kwargs)) {
      if (!open && !names.includes(name)) {
        faults.push({ path: `/kwargs/${pointer(name)}`, message: unexpected(name, names) });
      }
      assign(input, name, value);
    }
    if (faults.length > 0) return { ok: false, faults };
    if (validate(input)) return { ok: true, input };
    return { ok: false, faults: (validate.errors ?? []).map((error: ErrorObject) => fault(error, names, args.length)) };
  };
}

const bindFree: BindInput = (args, kwargs) => {
  if (args.length === 0) return { ok: true, input: { ...kwargs } };
  const message = "the handler declares no input schema, so it takes no args: give kwargs";
  return { ok: false, faults: [{ path: "/args", message }] };
};

function tooMany(given: number, names: readonly string[]): string {
  if (names.length === 0) return `takes no args, ${given} given`;
  return `takes at most ${names.length} args (${names.join(", ")}), ${given} given`;
}

function unexpected(name: string, names: readonly string[]): string {
  const hint = didYouMean(name, names) || (names.length > 0 ? ` It takes ${names.join(", ")}.` : " It takes none.");
  return `unexpected argument '${name}'.${hint}`;
}

/** Sets an own property whatever its name: `__proto__` as well. */
function assign(target: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
}

function fault(error: ErrorObject, names: readonly string[], positional: number): Fault {
  const { missingProperty, additionalProperty } = error.params as {
    missingProperty?: string;
    additionalProperty?: string;
  };
  const inside = error.instancePath.split("/").slice(1);
  const leaf = missingProperty ?? additionalProperty;
  if (leaf !== undefined) inside.push(pointer(leaf));
  const index = names.findIndex((name) => pointer(name) === inside[0]);
  const root = index >= 0 && index < positional ? ["args", String(index), ...inside.slice(1)] : ["kwargs", ...inside];
  return { path: `/${root.join("/")}`, message: sentence(error, missingProperty, additionalProperty) };
}

function sentence(error: ErrorObject, missing: string | undefined, additional: string | undefined): string {
  if (missing !== undefined) return `missing required '${missing}'`;
  if (additional !== undefined) return `unexpected '${additional}'`;
  if (error.keyword === "enum") {
    const { allowedValues } = error.params as { allowedValues: unknown[] };
    return `must be one of ${allowedValues.map((value) => JSON.stringify(value)).join(", ")}`;
  }
  return error.message ?? "is invalid";
}

/** One segment of a JSON Pointer (RFC 6901). */
function pointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
