import type { AccessOptions } from "../../src/http/access.ts";
import { createApp, serveOptions } from "../../src/http/app.ts";
import type { Problem } from "../../src/http/problem.ts";
import type { WireTask } from "./client.ts";
import { type LogEntry, recorder, type TestEngine, type TestEngineOptions, testEngine } from "./engine.ts";

/** The app without a socket, over an engine that the test plays. */
export interface TestApp {
  readonly engine: TestEngine;
  /** Listens on a port that the system chooses, as the server does but for `options`. */
  listen(options?: Partial<typeof serveOptions>): Listening;
  request(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Submits and expects a 201. */
  submit(body: Readonly<Record<string, unknown>>): Promise<WireTask>;
}

export interface Listening extends AsyncDisposable {
  readonly url: string;
}

export async function testApp(
  options: TestEngineOptions & { readonly access?: Partial<AccessOptions>; readonly lines?: LogEntry[] } = {},
): Promise<TestApp> {
  const engine = await testEngine(options);
  const app = createApp({
    engine,
    access: { keys: [], corsOrigins: null, ...options.access },
    // The app logs above debug only what is a defect of its own, so that no test may get there unnoticed.
    log: options.lines === undefined ? failing : recorder(options.lines),
    version: "0.0.0",
    configuration: [{ name: "TASKFLOW_PORT", value: 8_000, default: "8000", description: "Port to listen on" }],
  });

  function request(path: string, { headers, ...init }: RequestInit = {}): Promise<Response> {
    const withHost = new Headers(headers);
    if (!withHost.has("host")) withHost.set("host", "localhost:8000");
    return app.handle(new Request(`http://localhost:8000${path}`, { ...init, headers: withHost }));
  }

  function post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const json: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    return request(path, {
      method: "POST",
      headers: { ...json, ...headers },
      ...(body === undefined ? {} : { body: text }),
    });
  }

  return {
    engine,
    listen(changed) {
      app.listen({ hostname: "127.0.0.1", port: 0, ...serveOptions, ...changed });
      return {
        url: `http://127.0.0.1:${app.server?.port}`,
        async [Symbol.asyncDispose]() {
          await app.stop(true);
        },
      };
    },
    request,
    post,
    async submit(body) {
      const response = await post("/api/v1/tasks", body);
      if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
      return taskOf(response);
    },
  };
}

export async function taskOf(response: Response): Promise<WireTask> {
  return (await response.json()) as WireTask;
}

/** The problem that a refusal carries, after a look at what all of them have in common. */
export async function problemOf(response: Response): Promise<Problem> {
  const type = response.headers.get("content-type");
  if (type !== "application/problem+json") throw new Error(`${response.status} is no problem but ${type}`);
  const problem = (await response.json()) as Problem;
  if (problem.status !== response.status) throw new Error(`says ${problem.status} but is ${response.status}`);
  return problem;
}

const failing = { debug: () => undefined, info: fail, warn: fail, error: fail };

function fail(fields: object, message: string): never {
  throw new Error(message, { cause: fields });
}
