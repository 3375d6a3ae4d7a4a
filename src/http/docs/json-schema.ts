export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Copies a JSON Schema. `visit` replaces each schema in it, from the inmost out; data in it (`default`, `enum`) is left alone. */
export function mapSchema(
  schema: unknown,
  visit: (schema: JsonObject, pointer: string) => unknown,
  pointer = "",
): unknown {
  if (!isObject(schema)) return schema;
  const inner = (value: unknown, ...path: readonly string[]) => mapSchema(value, visit, pointer + pointerOf(path));
  const copy = Object.entries(schema).map(([keyword, value]) => {
    if (schemaMaps.has(keyword) && isObject(value)) {
      return [keyword, mapValues(value, (each, name) => inner(each, keyword, name))];
    }
    if (Array.isArray(value) && schemaLists.has(keyword)) {
      return [keyword, value.map((each, index) => inner(each, keyword, String(index)))];
    }
    return [keyword, schemaSlots.has(keyword) ? inner(value, keyword) : value];
  });
  return visit(Object.fromEntries(copy), pointer);
}

/** `record` with other values. Safe for any name, `__proto__` as well. */
export function mapValues<Value>(
  record: JsonObject,
  map: (value: unknown, name: string) => Value,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]));
}

/**
 * The same schema in the form that documentation tools show best, standing on its own: every `$ref` is a pointer
 * (`#/…`) into it, because a tool would resolve any other against the address of the page. A reference that leads
 * nowhere is dropped.
 */
export function presentable(schema: JsonObject): JsonObject {
  const plain = mapSchema(schema, simplified);
  const named = new Map<string, string>([["", ""]]);
  mapSchema(plain, (each, pointer) => {
    if (typeof each.$id === "string") named.set(each.$id, pointer);
    if (typeof each.$anchor === "string") named.set(`#${each.$anchor}`, pointer);
    return each;
  });
  const local = mapSchema(plain, ({ $id, $anchor, $schema, $ref, ...rest }) => {
    if (typeof $ref !== "string") return rest;
    const [id = "", fragment = ""] = $ref.split("#", 2);
    const base = named.get($ref) ?? named.get(id);
    const target = `#${base ?? "missing"}${named.has($ref) ? "" : fragment}`;
    return resolve(plain, target) === undefined ? rest : { ...rest, $ref: target };
  });
  return isObject(local) ? local : {};
}

/** What a reference `#/…` points at in `root`, or undefined. */
export function resolve(root: unknown, reference: string): unknown {
  const [start, ...path] = reference.split("/");
  if (start !== "#") return undefined;
  return path.reduce<unknown>((value, segment) => {
    const name = decoded(segment).replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    return Reflect.get(value, name);
  }, root);
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    if (error instanceof URIError) return segment;
    throw error;
  }
}

const schemaMaps = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);
const schemaLists = new Set(["allOf", "anyOf", "oneOf", "prefixItems", "items"]);
const schemaSlots = new Set([
  "items",
  "additionalItems",
  "additionalProperties",
  "unevaluatedItems",
  "unevaluatedProperties",
  "contains",
  "not",
  "if",
  "then",
  "else",
  "propertyNames",
]);

function pointerOf(path: readonly string[]): string {
  return path.map((name) => `/${encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))}`).join("");
}

/** TypeBox writes an enum as a choice of constants, a record by a pattern that matches every name, a tuple as of 2019. */
function simplified(schema: JsonObject): JsonObject {
  const { anyOf, patternProperties, items, additionalItems, ...rest } = schema;
  return {
    ...rest,
    ...(anyOf === undefined ? {} : (asEnum(anyOf) ?? { anyOf })),
    ...asRecord(patternProperties),
    ...(Array.isArray(items)
      ? { prefixItems: items, items: additionalItems ?? {} }
      : items === undefined
        ? {}
        : { items }),
  };
}

function asEnum(anyOf: unknown): JsonObject | null {
  if (!Array.isArray(anyOf) || !anyOf.every((each) => isObject(each) && typeof each.const === "string")) return null;
  return { type: "string", enum: anyOf.map((each) => each.const) };
}

function asRecord(patternProperties: unknown): JsonObject {
  if (!isObject(patternProperties)) return {};
  const { "^(.*)$": everything, ...others } = patternProperties;
  if (everything === undefined || Object.keys(others).length > 0) return { patternProperties };
  return { additionalProperties: everything };
}
