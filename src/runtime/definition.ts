import { TypeCompiler } from "@sinclair/typebox/compiler";
import { handlerOptionsSchema, priorityNumber } from "../domain/handler.ts";
import { type BindInput, compileInput, type InputSchema } from "../domain/input.ts";
import { defaultBackoff } from "../domain/retry.ts";
import type { ReadyHandler } from "../engine/runner.ts";
import { wrongOption } from "./option-error.ts";
import { schedulesOf } from "./schedule.ts";

/**
 * A handler by what its file exports, as plain JSON and without the code.
 * @throws Error that names the option that is wrong; an OptionError where it knows what to look for in the file.
 */
export function readyHandler(
  { name, file, generation }: Pick<ReadyHandler, "name" | "file" | "generation">,
  definition: unknown,
): ReadyHandler {
  if (!options.Check(definition)) throw new Error(wrongOption(options.Errors(definition).First()));
  const { description, input, timeout, maxRetries, priority, backoff, schedule } = definition;
  const bind = binder(input ?? null);
  return {
    status: "ready",
    name,
    file,
    generation,
    description: description ?? null,
    inputSchema: input ?? null,
    bind,
    timeoutMs: timeout === undefined ? null : timeout * 1000,
    maxRetries: maxRetries ?? null,
    priority: priority === undefined ? null : priorityNumber(priority),
    backoff: {
      baseMs: backoff?.base === undefined ? defaultBackoff.baseMs : backoff.base * 1000,
      capMs: backoff?.cap === undefined ? defaultBackoff.capMs : backoff.cap * 1000,
      jitter: backoff?.jitter ?? defaultBackoff.jitter,
    },
    schedules: schedule === undefined ? [] : schedulesOf(name, schedule, bind),
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
