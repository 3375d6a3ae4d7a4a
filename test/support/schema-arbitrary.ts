import fc from "fast-check";
import { type Members, pointed } from "./openapi.ts";

/** Values that a schema of `document` allows; of what it says nothing of, anything that JSON can hold. */
export function arbitraryOf(schema: unknown, document: object): fc.Arbitrary<unknown> {
  const own = membersOf(schema);
  if (typeof own.$ref === "string") return arbitraryOf(pointed(document, own.$ref), document);
  if ("const" in own) return fc.constant(own.const);
  if (Array.isArray(own.enum)) return fc.constantFrom(...own.enum);
  const variants = own.anyOf ?? own.oneOf;
  if (Array.isArray(variants)) return fc.oneof(...variants.map((each) => arbitraryOf(each, document)));
  switch (own.type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.integer({ min: least(own) ?? -(2 ** 31), max: most(own) ?? 2 ** 31 });
    case "number":
      return fc.double({ min: least(own) ?? -1e9, max: most(own) ?? 1e9, noNaN: true, minExcluded: isOpenBelow(own) });
    case "string":
      return stringOf(own);
    case "array":
      return fc.array(arbitraryOf(own.items, document), { minLength: numberIn(own.minItems) ?? 0, maxLength: 4 });
    case "object":
      return objectOf(own, document);
    default:
      return fc.jsonValue();
  }
}

function objectOf(schema: Members, document: object): fc.Arbitrary<unknown> {
  const properties = Object.entries(membersOf(schema.properties));
  if (properties.length === 0) {
    const values = arbitraryOf(schema.additionalProperties, document);
    return fc.dictionary(fc.string({ unit: "binary", maxLength: 8 }), values, { maxKeys: 4 });
  }
  const required = Array.isArray(schema.required) ? schema.required : [];
  const optional = properties.filter(([name]) => !required.includes(name)).map(([name]) => name);
  const whole = fc.record(Object.fromEntries(properties.map(([name, each]) => [name, arbitraryOf(each, document)])));
  // Mostly few of them: what excludes another is seldom there together then.
  return fc.tuple(whole, fc.subarray(optional), fc.boolean()).map(([value, kept, isBare]) => {
    const names = new Set([...required, ...(isBare ? [] : kept)]);
    return Object.fromEntries(Object.entries(value).filter(([name]) => names.has(name)));
  });
}

function stringOf({ format, pattern, minLength, maxLength }: Members): fc.Arbitrary<string> {
  if (format === "date-time") return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  if (format === "uuid") return fc.uuid();
  if (typeof pattern === "string") return fc.stringMatching(new RegExp(pattern));
  const longest = Math.min(numberIn(maxLength) ?? 40, 200);
  return fc.string({ unit: "binary", minLength: numberIn(minLength) ?? 0, maxLength: longest });
}

const least = ({ minimum, exclusiveMinimum }: Members) => numberIn(minimum ?? exclusiveMinimum);
const most = ({ maximum, exclusiveMaximum }: Members) => numberIn(maximum ?? exclusiveMaximum);
const isOpenBelow = ({ exclusiveMinimum }: Members) => exclusiveMinimum !== undefined;

function numberIn(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
