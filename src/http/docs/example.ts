import { sample } from "openapi-sampler";
import type { ReadyHandler } from "../../engine/runner.ts";
import { isObject, type JsonObject, presentable } from "./json-schema.ts";

/**
 * `kwargs` that the handler accepts, made from its input schema: constants, examples and defaults where it gives them.
 * Null when none came out, as for a rule that only its author can satisfy; an `examples` in the schema helps then.
 */
export function exampleKwargs(handler: ReadyHandler): JsonObject | null {
  if (handler.inputSchema === null) return {};
  const value = sampleOf(presentable(handler.inputSchema));
  // The binder fills defaults into what it is given.
  return isObject(value) && handler.bind([], structuredClone(value)).ok ? value : null;
}

function sampleOf(schema: JsonObject): unknown {
  try {
    return sample(schema, { quiet: true, enablePatterns: true }, schema);
  } catch {
    // It gives up on references it cannot follow.
    return null;
  }
}
