/** As much of JSON Schema as a form is made from. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly format?: string;
  readonly additionalProperties?: unknown;
}

/** How a value is put in. `json` is for all that has no simpler form. */
export type Kind = "choice" | "text" | "number" | "switch" | "object" | "list" | "json";

export function kindOf(schema: Schema): Kind {
  if (choicesOf(schema) !== null) return "choice";
  switch (schema.type) {
    case "string":
      return "text";
    case "number":
    case "integer":
      return "number";
    case "boolean":
      return "switch";
    case "object":
      return schema.properties === undefined || Object.keys(schema.properties).length === 0 ? "json" : "object";
    case "array":
      return schema.items === undefined || Array.isArray(schema.items) ? "json" : "list";
    default:
      return "json";
  }
}

/** The values of which one is to be chosen, or null. */
export function choicesOf({ enum: values, anyOf }: Schema): readonly unknown[] | null {
  if (values !== undefined) return values;
  if (anyOf === undefined || !anyOf.every((each) => "const" in each)) return null;
  return anyOf.map((each) => each.const);
}

/** What a form begins with: defaults, and nothing where there is none. */
export function initialOf(schema: Schema, isRequired: boolean): unknown {
  if (schema.default !== undefined) return schema.default;
  if (!isRequired) return undefined;
  switch (kindOf(schema)) {
    case "object":
      return Object.fromEntries(
        Object.entries(schema.properties ?? {})
          .map(([name, each]) => [name, initialOf(each, schema.required?.includes(name) === true)] as const)
          .filter(([, value]) => value !== undefined),
      );
    case "list":
      return [];
    case "switch":
      return false;
    case "text":
      return "";
    case "choice":
      return choicesOf(schema)?.[0];
    default:
      return undefined;
  }
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
