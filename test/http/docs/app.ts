import type { TSchema } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { compileInput } from "../../../src/domain/input.ts";
import { defaultBackoff } from "../../../src/domain/retry.ts";
import type { BrokenHandler, Handler, ReadyHandler } from "../../../src/engine/runner.ts";
import { docs } from "../../../src/http/docs/docs.ts";
import { periodic } from "../../../src/http/periodic.ts";
import { system } from "../../../src/http/system.ts";
import { tasks } from "../../../src/http/tasks.ts";
import { createFakeEngine } from "../fake-engine.ts";

/** A handler as the server knows it: its schema has crossed a process boundary. */
export function readyHandler(
  name: string,
  input: TSchema | Readonly<Record<string, unknown>> | null,
  description: string | null = null,
): ReadyHandler {
  const inputSchema = input === null ? null : JSON.parse(JSON.stringify(input));
  return {
    name,
    file: `${name}.ts`,
    generation: 1,
    status: "ready",
    description,
    inputSchema,
    bind: compileInput(inputSchema),
    timeoutMs: null,
    maxRetries: null,
    priority: null,
    backoff: defaultBackoff,
    schedules: [],
  };
}

export function brokenHandler(name: string, message: string): BrokenHandler {
  const file = `${name}.ts`;
  const error = { message, file, line: 3, column: 7 };
  return { name, file, generation: 1, status: "load_error", error, serving: null };
}

/**
 * The real routes over an engine that runs nothing, with their documentation. `change` stands for a reload of the
 * handlers. With a key, everything but the pages and what they load wants it.
 */
export function createDocsApp(initial: readonly Handler[], key?: string) {
  let handlers = initial;
  let generation = 1;
  let reads = 0;
  const engine = createFakeEngine();
  const app = new Elysia({ normalize: false })
    .onRequest(({ request: { url, headers }, status }) => {
      const isOpen = /^\/(docs|redoc|docs\/assets\/.*)$/.test(new URL(url).pathname);
      if (key === undefined || isOpen || headers.get("authorization") === `Bearer ${key}`) return;
      return status(401, "Send a key.");
    })
    .use(system(engine))
    .use(tasks(engine))
    .use(periodic(engine))
    .use(docs({ handlers: read, generation: () => generation, version: "1.2.3" }));
  function read() {
    reads++;
    return handlers;
  }

  return {
    app,
    /** How often the handlers were asked for. */
    reads: () => reads,
    submissions: engine.submissions,
    change(next: readonly Handler[]) {
      handlers = next;
      generation++;
    },
    get: (path: string, headers: Record<string, string> = {}) =>
      app.handle(new Request(`http://localhost${path}`, { headers })),
  };
}
