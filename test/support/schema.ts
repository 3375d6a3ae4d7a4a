import type { TSchema } from "@sinclair/typebox";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const ajv = addFormats.default(new Ajv2020({ allErrors: true, strict: false }));

/** Every way in which `value` is not what `schema` promises to those who read the API's documentation. */
export function breaches(schema: TSchema, value: unknown): readonly string[] {
  const validate = ajv.compile(JSON.parse(JSON.stringify(schema)));
  validate(value);
  return (validate.errors ?? []).map(({ instancePath, message }: ErrorObject) => `${instancePath} ${message}`);
}
