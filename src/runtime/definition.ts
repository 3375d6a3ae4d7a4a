import type { ValueError } from "@sinclair/typebox/compiler";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { handlerOptionsSchema, priorityNumber } from "../domain/handler.ts";
import { type BindInput, compileInput, type InputSchema } from "../domain/input.ts";
import { defaultBackoff } from "../domain/retry.ts";
import { didYouMean } from "../domain/suggest.ts";
import type { ReadyHandler } from "../engine/runner.ts";

/**
 * A handler by what its file exports, as plain JSON and without the code.
 * @throws Error that names the option that is wrong.
 */
export function readyHandler(
  { name, file, generation }: Pick<ReadyHandler, "name" | "file" | "generation">,
  definition: unknown,
): ReadyHandler {
  if (!options.Check(definition)) throw new Error(sentence(options.Errors(definition).First()));
  const { description, input, timeout, maxRetries, priority, backoff } = definition;
  return {
    status: "ready",
    name,
    file,
    generation,
    description: description ?? null,
    inputSchema: input ?? null,
    bind: binder(input ?? null),
    timeoutMs: timeout === undefined ? null : timeout * 1000,
    maxRetries: maxRetries ?? null,
    priority: priority === undefined ? null : priorityNumber(priority),
    backoff: {
      baseMs: backoff?.base === undefined ? defaultBackoff.baseMs : backoff.base * 1000,
      capMs: backoff?.cap === undefined ? defaultBackoff.capMs : backoff.cap * 1000,
      jitter: backoff?.jitter ?? defaultBackoff.jitter,
    },
  };
}

function binder(input: InputSchema | null): BindInput {
  try {
    return compileInput(input);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`option 'input': ${reason}`, { cause: error });
  }
}

const options = TypeCompiler.Compile(handlerOptionsSchema);

function sentence(error: ValueError | undefined): string {
  if (error === undefined) return "its options are wrong";
  const path = error.path.slice(1).replaceAll("/", ".");
  if (error.message === unexpected) return `unknown option '${path}'.${hint(path)}`;
  const wanted = error.schema.anyOf === undefined ? lowerFirst(error.message) : `must be ${error.schema.description}`;
  return `option '${path}': ${wanted}, got ${JSON.stringify(error.value)}`;
}

const unexpected = "Unexpected property";

function hint(path: string): string {
  const [parent, child] = path.split(".");
  const known = Object.keys(handlerOptionsSchema.properties);
  if (child === undefined) return didYouMean(path, [...known, "run"]);
  if (parent !== "backoff") return "";
  return didYouMean(child, Object.keys(handlerOptionsSchema.properties.backoff.properties));
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
