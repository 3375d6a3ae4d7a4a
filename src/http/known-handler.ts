import { TaskflowError } from "../domain/error.ts";
import { didYouMean } from "../domain/suggest.ts";
import type { Handler, HandlerCatalog } from "../engine/runner.ts";

/**
 * The handler of that name, whether it loads or not.
 * @throws TaskflowError `unknown_handler`
 */
export function requireHandler(name: string, catalog: HandlerCatalog): Handler {
  const handler = catalog.find(name);
  if (handler !== null) return handler;
  const names = catalog.list().map((known) => known.name);
  throw new TaskflowError("unknown_handler", `There is no handler '${name.slice(0, 100)}'.${didYouMean(name, names)}`);
}
