import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

/**
 * `value` as an OpenAPI 3.1 document.
 * @throws Error that lists what OpenAPI does not allow: members, references, path parameters, schemas, examples.
 */
export function checkedOpenApi(value: unknown): OpenApiDocument {
  if (!Value.Check(documentSchema, value)) {
    const faults = [...Value.Errors(documentSchema, value)].map(({ path, message }) => `${path}: ${message}`);
    throw new Error(`not an OpenAPI document:\n${faults.join("\n")}`);
  }
  const faults = [...operationFaults(value), ...referenceFaults(value), ...schemaFaults(value)];
  if (faults.length > 0) throw new Error(`not an OpenAPI document:\n${faults.join("\n")}`);
  return value;
}

/** A document with what these checks look at, and whatever else. */
const schema = Type.Object({}, { additionalProperties: Type.Unknown() });
const media = Type.Object({
  schema,
  example: Type.Optional(Type.Unknown()),
  examples: Type.Optional(Type.Record(Type.String(), Type.Object({ summary: Type.String(), value: Type.Unknown() }))),
});
const content = Type.Record(Type.String(), media, { minProperties: 1 });
const parameter = Type.Object({
  name: Type.String({ minLength: 1 }),
  in: Type.Union([Type.Literal("path"), Type.Literal("query"), Type.Literal("header")]),
  required: Type.Boolean(),
  schema,
});
const response = Type.Object({
  description: Type.String({ minLength: 1 }),
  headers: Type.Optional(Type.Record(Type.String(), Type.Object({ schema }))),
  content: Type.Optional(content),
});
const operation = Type.Object(
  {
    operationId: Type.String({ pattern: "^[A-Za-z][A-Za-z0-9]*$" }),
    summary: Type.String({ minLength: 1 }),
    description: Type.Optional(Type.String()),
    tags: Type.Array(Type.String(), { minItems: 1 }),
    parameters: Type.Optional(Type.Array(parameter, { minItems: 1 })),
    requestBody: Type.Optional(Type.Object({ required: Type.Boolean(), content })),
    responses: Type.Record(Type.String({ pattern: "^[1-5]\\d\\d$" }), response, {
      minProperties: 1,
      additionalProperties: false,
    }),
    security: Type.Optional(Type.Array(Type.Record(Type.String(), Type.Array(Type.String())))),
  },
  { additionalProperties: false },
);
const documentSchema = Type.Object({
  openapi: Type.String({ pattern: "^3\\.1\\.\\d+$" }),
  info: Type.Object({ title: Type.String(), version: Type.String(), description: Type.String() }),
  tags: Type.Array(Type.Object({ name: Type.String(), description: Type.Optional(Type.String()) })),
  security: Type.Array(Type.Record(Type.String(), Type.Array(Type.String()))),
  paths: Type.Record(Type.String(), Type.Record(Type.String(), operation)),
  components: Type.Object({
    schemas: Type.Record(Type.String({ pattern: "^[A-Za-z0-9._-]+$" }), schema, { additionalProperties: false }),
    securitySchemes: Type.Record(Type.String(), Type.Object({ type: Type.String() })),
  }),
});
export type OpenApiDocument = Static<typeof documentSchema>;
type Operation = Static<typeof operation>;

function operationFaults({ paths, tags, security, components }: OpenApiDocument): string[] {
  const faults: string[] = [];
  const ids = new Set<string>();
  const schemes = Object.keys(components.securitySchemes);
  for (const [path, item] of Object.entries(paths)) {
    if (!/^\/([^/]+(\/[^/]+)*)?$/.test(path)) faults.push(`${path}: not a path`);
    for (const [method, operation] of Object.entries(item)) {
      const report = (fault: string) => faults.push(`${method} ${path}: ${fault}`);
      if (ids.has(operation.operationId)) report(`operationId ${operation.operationId} is taken`);
      ids.add(operation.operationId);
      const inPath = (operation.parameters ?? []).filter((each) => each.in === "path");
      const declared = inPath.map(({ name, required }) => (required ? `{${name}}` : `${name} is not required`));
      const templated = path.match(/\{[^}]*\}/g) ?? [];
      if (declared.toSorted().join() !== templated.toSorted().join()) report(`declares ${declared}, has ${templated}`);
      for (const tag of operation.tags)
        if (!tags.some(({ name }) => name === tag)) report(`tag ${tag} is not declared`);
      const used = (operation.security ?? security).flatMap((each) => Object.keys(each));
      for (const name of used) if (!schemes.includes(name)) report(`there is no security scheme ${name}`);
    }
  }
  return faults;
}

function referenceFaults(document: OpenApiDocument): string[] {
  const faults: string[] = [];
  visit(document, "#", (value, place) => {
    if (typeof value.$ref !== "string") return;
    if (pointed(document, value.$ref) === undefined) faults.push(`${place}: ${value.$ref} leads nowhere`);
  });
  return faults;
}

/** Schemas are of JSON Schema 2020-12, and every example fits its own. */
function schemaFaults(document: OpenApiDocument): string[] {
  const ajv = addFormats.default(new Ajv2020({ strict: false, validateSchema: true }));
  ajv.addSchema({ $id: "document", components: document.components, paths: document.paths });
  const faults: string[] = [];
  for (const { pointer, definition, examples } of schemasOf(document)) {
    if (!ajv.validateSchema(definition)) faults.push(`${pointer}: ${ajv.errorsText()}`);
    const validate = ajv.compile({ $ref: `document#${pointer}` });
    for (const example of examples) {
      if (!validate(example)) faults.push(`${pointer}: ${JSON.stringify(example)} ${ajv.errorsText(validate.errors)}`);
    }
  }
  return faults;
}

interface PlacedSchema {
  readonly pointer: string;
  readonly definition: Members;
  readonly examples: unknown[];
}

/** Every schema outside of others, each once with all its examples. */
function schemasOf({ components, paths }: OpenApiDocument): Iterable<PlacedSchema> {
  const schemas = new Map<string, PlacedSchema>();
  const add = (pointer: string, definition: Members, examples: readonly unknown[]) => {
    const text = JSON.stringify(definition);
    const known = schemas.get(text) ?? { pointer, definition, examples: [] };
    known.examples.push(...examples);
    schemas.set(text, known);
  };
  for (const [name, definition] of Object.entries(components.schemas))
    add(`/components/schemas/${name}`, definition, []);
  visit(paths, "/paths", (value, place) => {
    if (!Value.Check(media, value)) return;
    const { examples = {}, example } = value;
    const values = Object.values(examples).map((each) => each.value);
    add(`${place}/schema`, value.schema, example === undefined ? values : [...values, example]);
  });
  return schemas.values();
}

export type Members = Readonly<Record<string, unknown>>;

function visit(value: unknown, place: string, look: (value: Members, place: string) => void): void {
  if (typeof value !== "object" || value === null) return;
  look({ ...value }, place);
  for (const [name, inner] of Object.entries(value)) {
    visit(inner, `${place}/${encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))}`, look);
  }
}

/** What a reference such as `#/components/schemas/Task` leads to, or undefined. */
export function pointed(document: unknown, reference: string): unknown {
  const [start, ...path] = reference.split("/");
  if (start !== "#") return undefined;
  return path.reduce<unknown>((value, segment) => {
    const name = decodeURIComponent(segment).replaceAll("~1", "/").replaceAll("~0", "~");
    return Object(value)[name];
  }, document);
}

/** One way of asking for something. */
export interface PlacedOperation {
  readonly method: string;
  /** With its parameters in braces. */
  readonly path: string;
  readonly operation: Operation;
  /** Whether it is answered without a key. */
  readonly isOpen: boolean;
}

export function operationsOf({ paths, security }: OpenApiDocument): readonly PlacedOperation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
      isOpen: (operation.security ?? security).length === 0,
    })),
  );
}

/** Finds what a request asks for; a path without parameters goes before one with them. */
export function operationFor(
  operations: readonly PlacedOperation[],
  method: string,
  path: string,
): PlacedOperation | undefined {
  const asked = method === "HEAD" ? "GET" : method;
  const fitting = operations.filter((each) => each.method === asked && patternOf(each.path).test(path));
  return fitting.find((each) => !each.path.includes("{")) ?? fitting[0];
}

function patternOf(path: string): RegExp {
  const segments = path.split("/").map((segment) => (/^\{.*\}$/.test(segment) ? "[^/]+" : RegExp.escape(segment)));
  return new RegExp(`^${segments.join("/").replace(/(?<=.)\/$/, "")}/?$`);
}

/**
 * Checks an answer against what its operation documents: the status, the content type, and the body by its schema.
 * @returns what is wrong with it, or null.
 */
export function answerChecker(document: OpenApiDocument): (asked: PlacedOperation, answer: Answer) => string | null {
  const ajv = addFormats.default(new Ajv2020({ strict: false }));
  ajv.addSchema({ $id: "document", components: document.components, paths: document.paths });
  const validators = new Map<string, ValidateFunction>();

  function validator(pointer: readonly string[]): ValidateFunction {
    const reference = pointer.map((name) => encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1")));
    const $ref = `document#/${reference.join("/")}`;
    const known = validators.get($ref) ?? ajv.compile({ $ref });
    validators.set($ref, known);
    return known;
  }

  return ({ method, path, operation }, { status, type, body }) => {
    const documented = operation.responses[String(status)];
    if (documented === undefined) return `the status ${status} is not documented`;
    const types = Object.keys(documented.content ?? {});
    if (types.length === 0) return body === "" ? null : `there is a body: ${body.slice(0, 200)}`;
    if (!types.includes(type)) return `it is ${type}, not ${types}`;
    const value: unknown = /[/+]json$/.test(type) ? JSON.parse(body) : body;
    const fits = validator([
      "paths",
      path,
      method.toLowerCase(),
      "responses",
      String(status),
      "content",
      type,
      "schema",
    ]);
    return fits(value) ? null : `${ajv.errorsText(fits.errors)} in ${body.slice(0, 500)}`;
  };
}

export interface Answer {
  readonly status: number;
  /** Without its parameters. */
  readonly type: string;
  readonly body: string;
}
