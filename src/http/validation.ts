import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { TypeCompiler, type ValueErrorIterator } from "@sinclair/typebox/compiler";
import { type Fault, validationFailed } from "../domain/error.ts";
import { didYouMean } from "../domain/suggest.ts";

/** The query of a route that takes no parameters: any is refused by name. */
export const noQuery = Type.Object({}, { additionalProperties: false });

/** Checks a value against `schema`; what it returns throws `validation_failed` with every fault. */
export function checker<Schema extends TSchema>(schema: Schema): (value: unknown) => Static<Schema> {
  const compiled = TypeCompiler.Compile(schema);
  return (value) => {
    if (!compiled.Check(value)) throw validationFailed(faultsOf(schema, compiled.Errors(value)));
    return value;
  };
}

/** One fault a place, in words; an unknown name gets the nearest known one. */
export function faultsOf(schema: TSchema, errors: ValueErrorIterator): readonly Fault[] {
  const faults = new Map<string, Fault>();
  for (const error of errors) {
    if (faults.has(error.path)) continue;
    const name = unpointer(error.path.split("/").at(-1) ?? "");
    const known = Object.keys(schemaAt(schema, error.path.split("/").slice(1, -1))?.properties ?? {});
    faults.set(error.path, { path: error.path, message: sentence(error, name, known) });
  }
  return [...faults.values()];
}

interface Complaint {
  readonly message: string;
  readonly schema: TSchema;
  readonly value: unknown;
}

function sentence({ message, schema, value }: Complaint, name: string, known: readonly string[]): string {
  if (message === "Unexpected property") return `unknown field '${name}'.${didYouMean(name, known)}`;
  if (message === "Expected required property") return `'${name}' is required`;
  if (value === undefined) return `'${name}' is required`;
  if (typeof schema.description === "string" && "anyOf" in schema) return `must be ${schema.description}`;
  return message.replace(/^Expected /, "must be ").replace(/^must be (\w+) to be /, "must be ");
}

/** The schema that describes the value at `path`, as far as objects and arrays lead there. */
function schemaAt(schema: TSchema, path: readonly string[]): TSchema | undefined {
  let current: TSchema | undefined = schema;
  for (const segment of path) {
    current = current?.type === "array" ? current.items : current?.properties?.[unpointer(segment)];
  }
  return current;
}

function unpointer(segment: string): string {
  return segment.replaceAll("~1", "/").replaceAll("~0", "~");
}
