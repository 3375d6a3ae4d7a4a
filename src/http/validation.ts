import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { type Fault, validationFailed } from "../domain/error.ts";
import { didYouMean } from "../domain/suggest.ts";

/** The query of a route that takes no parameters: any is refused by name. */
export const noQuery = Type.Object({}, { additionalProperties: false });

/** What is said of a time that is none. */
export const timeExpected = "must be a time such as 2030-01-31T09:00:00Z";

/** Checks a value against `schema`; what it returns throws `validation_failed` with every fault. */
export function checker<Schema extends TSchema>(schema: Schema): (value: unknown) => Static<Schema> {
  const compiled = TypeCompiler.Compile(schema);
  return (value) => {
    if (!compiled.Check(value)) throw validationFailed(faultsOf(compiled.Errors(value)));
    return value;
  };
}

/** What TypeBox says of one fault. */
export interface Complaint {
  readonly path: string;
  readonly message: string;
  /** Of the value, or of the object around it when the fault is a property too many. */
  readonly schema: TSchema;
  readonly value: unknown;
}

/** One fault a place, in words; an unknown name gets the nearest known one. */
export function faultsOf(complaints: Iterable<Complaint>): readonly Fault[] {
  const faults = new Map<string, Fault>();
  for (const complaint of complaints) {
    const { path } = complaint;
    if (!faults.has(path)) faults.set(path, { path, message: sentence(complaint) });
  }
  return [...faults.values()];
}

function sentence({ path, message, schema, value }: Complaint): string {
  const name = (path.split("/").at(-1) ?? "").replaceAll("~1", "/").replaceAll("~0", "~");
  if (message === "Unexpected property") {
    const known = Object.keys(schema.properties ?? {});
    const hint =
      didYouMean(name, known) || (known.length > 0 ? ` Known: ${known.join(", ")}.` : " None is known here.");
    return `unknown '${name.slice(0, 100)}'.${hint}`;
  }
  if (value === undefined) return path === "" ? "a JSON object is required" : `'${name}' is required`;
  if (schema.format === "date-time") return timeExpected;
  const constants = constantsOf(schema);
  if (constants !== null) return `must be one of ${constants.join(", ")}`;
  if ("anyOf" in schema && schema.description !== undefined) return `must be ${schema.description}`;
  return message
    .replace(/^Expected (?:string|array) length (?:to be )?/, "its length must be ")
    .replace(/^Expected \w+ to be /, "must be ")
    .replace(/^Expected /, "must be ");
}

/** The values of a union of constants, or null for any other schema. */
function constantsOf(schema: TSchema): readonly unknown[] | null {
  const variants: readonly TSchema[] = schema.anyOf ?? [];
  return variants.length > 0 && variants.every((variant) => "const" in variant) ? variants.map((v) => v.const) : null;
}
