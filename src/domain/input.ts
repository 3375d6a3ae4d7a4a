import { Ajv2019, type ErrorObject, type ValidateFunction } from "ajv/dist/2019.js";
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

/** Knows what a schema may hold. */
const metaSchema = new Ajv2019({ strict: false });

/** Faults named at most: a long array may be wrong in every item. */
const mostFaults = 100;

/**
 * The binder of a handler with this schema; without one it takes any `kwargs`.
 * @throws Error when the schema is no valid JSON Schema of an object.
 */
export function compileInput(schema: InputSchema | null): BindInput {
  if (schema === null) return bindFree;
  if (schema.type !== "object") throw new Error("input must be an object schema, t.Object({ ... })");
  if (schema.properties === undefined && ["allOf", "anyOf", "oneOf", "$ref"].some((keyword) => keyword in schema)) {
    throw new Error("input must list its properties itself: t.Object({ ... }), or t.Composite([...]) of several");
  }
  const names = Object.keys(schema.properties ?? {});
  const open = (schema.additionalProperties ?? false) !== false || schema.patternProperties !== undefined;
  const validate = validator(schema);

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
    for (const name of Object.keys(kwargs)) {
      if (!open && !names.includes(name)) {
        faults.push({ path: `/kwargs/${pointer(name)}`, message: unexpected(name, names) });
      }
      assign(input, name, kwargs[name]);
    }
    if (faults.length > 0) return { ok: false, faults };
    if (validate(input)) return { ok: true, input };
    return { ok: false, faults: faultsOf(validate.errors ?? [], names, args.length) };
  };
}

const bindFree: BindInput = (args, kwargs) => {
  if (args.length === 0) return { ok: true, input: { ...kwargs } };
  const message = "the handler declares no input schema, so it takes no args: give kwargs";
  return { ok: false, faults: [{ path: "/args", message }] };
};

/** An Ajv of its own: an `$id` in the schema comes again when the file is loaded again. */
function validator(schema: InputSchema): ValidateFunction {
  metaSchema.validateSchema(schema, true);
  const ajv = new Ajv2019({
    allErrors: true,
    strict: false,
    useDefaults: true,
    ownProperties: true,
    meta: false,
    validateSchema: false,
    logger: { log: refuse, warn: refuse, error: refuse },
  });
  return addFormats.default(ajv).compile(schema);
}

/** What Ajv would only warn of, a misspelt format, is a fault of the schema. */
function refuse(warning: unknown): never {
  throw new Error(String(warning).replace(" ignored in ", " in "));
}

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
  if (name !== "__proto__") target[name] = value;
  else Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
}

/** One fault a place. */
function faultsOf(errors: readonly ErrorObject[], names: readonly string[], positional: number): readonly Fault[] {
  const places = Map.groupBy(errors.slice(0, mostFaults), (error) => pathOf(error, names, positional));
  return [...places].map(([path, there]) => ({ path, message: sentenceOf(there) }));
}

function pathOf({ instancePath, params }: ErrorObject, names: readonly string[], positional: number): string {
  const inside = instancePath.split("/").slice(1);
  const leaf: unknown = params.missingProperty ?? params.additionalProperty;
  if (typeof leaf === "string") inside.push(pointer(leaf));
  const index = names.findIndex((name) => pointer(name) === inside[0]);
  const root = index >= 0 && index < positional ? ["args", String(index), ...inside.slice(1)] : ["kwargs", ...inside];
  return `/${root.join("/")}`;
}

function sentenceOf(errors: readonly ErrorObject[]): string {
  const choices = errors.filter(({ keyword }) => keyword === "anyOf" || keyword === "oneOf");
  // That no choice fits is said by what is wrong with each, as far as that is wrong in the same place.
  const details = errors.length > choices.length ? errors.filter((error) => !choices.includes(error)) : errors;
  const glue = choices.length > 0 ? " or " : " and ";
  return [...new Set(details.map(sentence))].join(glue).replaceAll(`${glue}must be `, glue);
}

function sentence({ keyword, params, message = "is invalid" }: ErrorObject): string {
  if (params.missingProperty !== undefined) return `missing required '${params.missingProperty}'`;
  if (params.additionalProperty !== undefined) return `unexpected '${params.additionalProperty}'`;
  if (keyword === "const") return `must be ${JSON.stringify(params.allowedValue)}`;
  if (keyword === "enum") {
    const allowed: readonly unknown[] = params.allowedValues;
    return `must be one of ${allowed.map((value) => JSON.stringify(value)).join(", ")}`;
  }
  return message;
}

/** One segment of a JSON Pointer (RFC 6901). */
function pointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
