import { STATUS_CODES } from "node:http";
import { swagger } from "@elysiajs/swagger";
import type { AnyElysia } from "elysia";
import { errorCodes, TaskflowError } from "../../domain/error.ts";
import { changesSchema, definitionSchema } from "../periodic-definition.ts";
import { problemOf, problemSchema } from "../problem.ts";
import {
  attemptSchema,
  firingSchema,
  logLineSchema,
  periodicEntrySchema,
  periodicTaskSchema,
  taskSchema,
} from "../schema.ts";
import { submissionSchema } from "../submission.ts";
import { isObject, type JsonObject, mapSchema, mapValues, presentable } from "./json-schema.ts";

/** An OpenAPI 3.1 document: 3.1 because it takes JSON Schema as it is, and so a handler's schema as its author wrote it. */
export interface OpenApi {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly security: readonly JsonObject[];
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: JsonObject; readonly securitySchemes: JsonObject };
}

export interface Operation extends JsonObject {
  readonly tags?: readonly string[];
  readonly requestBody?: { readonly required: true; readonly content: Readonly<Record<string, MediaType>> };
  readonly responses: Readonly<Record<string, JsonObject>>;
}

export interface MediaType {
  readonly schema: JsonObject;
  readonly examples?: JsonObject;
}

/** Every route of `app` that is not hidden, described by its schemas and its `detail`. */
export async function routeDocument(app: AnyElysia, version: string): Promise<OpenApi> {
  const generated = await generate(app);
  const items = Object.entries(objectIn(generated, "paths")).map(([path, item]) => [
    // A group's route "/" comes with a slash that its address does not need.
    path.replace(/(?<=.)\/$/, ""),
    mapValues(isObject(item) ? item : {}, tidyOperation),
  ]);
  const paths: OpenApi["paths"] = Object.fromEntries(items);
  const used = new Set(Object.values(paths).flatMap((item) => Object.values(item).flatMap(({ tags }) => tags ?? [])));
  return {
    openapi: "3.1.0",
    info: { title: "TaskFlow", version, description: introduction },
    // Either none or a key: whether one is needed is the server's configuration.
    security: [{}, { apiKey: [] }],
    tags: [...new Set([...Object.keys(tagDescriptions), ...used])]
      .filter((name) => used.has(name))
      .map((name) => ({ name, ...tagDescriptions[name] })),
    paths,
    components: {
      schemas: mapValues(namedSchemas, (schema, title) => ({ title, ...(isObject(schema) ? schema : {}) })),
      securitySchemes: {
        apiKey: { type: "http", scheme: "bearer", description: "A key of `TASKFLOW_API_KEYS`, if the server has any" },
      },
    },
  };
}

const introduction = `A function runtime and task scheduler: drop a TypeScript file into the tasks folder and call it.

Submit with \`POST /api/v1/tasks\`, then ask for the task or listen on the WebSocket \`/ws\`: \`{"type": "subscribe",
"task_id": "…"}\` sends its present state, then every change. Errors are \`application/problem+json\` with a stable \`code\`. Every
answer carries an \`X-Request-Id\`, that of the request if it brings one, and so do the lines of the server's log.`;

/** In the order in which the pages show them. */
const tagDescriptions: Readonly<Record<string, { description: string }>> = {
  Tasks: { description: "Submit work, look at it, cancel it, retry it" },
  "Periodic tasks": { description: "Named cron entries that create tasks" },
  System: { description: "Handlers, health and metrics" },
};

/**
 * The plugin's own page loads its UI from a CDN, so it is never mounted: it describes an app that has the same routes and
 * answers none of them.
 */
async function generate(app: AnyElysia): Promise<unknown> {
  const generator = swagger({ path: "/swagger", specPath: "/swagger/json" });
  for (const { method, path, hooks } of app.routes) {
    const { detail, body, params, query, headers, response } = hooks;
    const described = { detail, body, params, query, headers, response };
    if (methods.has(method)) generator.route(method, path, () => null, described);
  }
  const response = await generator.handle(new Request("http://localhost/swagger/json"));
  if (!response.ok) throw new Error(`the OpenAPI document could not be generated: ${await response.text()}`);
  return response.json();
}

const methods = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);

function objectIn(value: unknown, name: string): JsonObject {
  const found = isObject(value) ? value[name] : undefined;
  return isObject(found) ? found : {};
}

const operationFields = ["tags", "summary", "description", "operationId", "deprecated", "security", "externalDocs"];

/** Keeps what OpenAPI defines: the generator passes on every option of a route, and every keyword of a schema. */
function tidyOperation(generated: unknown): Operation {
  const operation = isObject(generated) ? generated : {};
  const parameters = Array.isArray(operation.parameters) ? operation.parameters.map(tidyParameter) : [];
  const responses = mapValues(objectIn(operation, "responses"), tidyResponse);
  return {
    ...Object.fromEntries(operationFields.flatMap((name) => (name in operation ? [[name, operation[name]]] : []))),
    operationId: camelCase(String(operation.operationId)),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(isObject(operation.requestBody) ? { requestBody: jsonBody(operation.requestBody) } : {}),
    responses,
  };
}

function camelCase(text: string): string {
  return text.replace(/[^A-Za-z0-9]+(.?)/g, (_, next: string) => next.toUpperCase());
}

function tidyParameter(parameter: unknown): JsonObject {
  if (!isObject(parameter)) return {};
  const { schema, examples, ...rest } = parameter;
  const own = isObject(schema) ? schema : {};
  return { ...rest, schema: tidySchema(examples === undefined ? own : { ...own, examples }) };
}

/** Bodies are parsed by functions of our own, of which the generator cannot know that they take JSON and nothing else. */
function jsonBody(body: JsonObject): Operation["requestBody"] & object {
  const content = objectIn(body, "content");
  const [first = {}] = Object.values(content);
  return { required: true, content: { "application/json": tidyMediaType(content["application/json"] ?? first) } };
}

function tidyResponse(response: unknown, status: string): JsonObject {
  const { description, headers, content } = isObject(response) ? response : {};
  const types = isObject(content) ? Object.keys(content) : [];
  const isGuess = types.join() === "application/json,multipart/form-data,text/plain";
  const kept = isObject(content) ? mapValues(content, tidyMediaType) : {};
  const media = isGuess ? { "application/json": kept["application/json"] } : kept;
  return {
    description: typeof description === "string" ? description : (STATUS_CODES[status] ?? "An answer"),
    ...(isObject(headers) ? { headers: mapValues(headers, tidyParameter) } : {}),
    ...(types.length === 0 ? {} : { content: withProblemExample(media, Number(status), String(description)) }),
  };
}

/** Each status has a problem of its own to show; the schema is the same for all. */
function withProblemExample(content: JsonObject, status: number, description: string): JsonObject {
  const media = content["application/problem+json"];
  if (!isObject(media) || "example" in media || "examples" in media) return content;
  const faults = [{ path: "/kwargs/a", message: "missing required 'a'" }];
  const example = errorCodes
    .map((code) => problemOf(new TaskflowError(code, description, code === "validation_failed" ? { faults } : {})))
    .find((problem) => problem.status === status);
  return example === undefined ? content : { ...content, "application/problem+json": { ...media, example } };
}

function tidyMediaType(media: unknown): MediaType {
  const { schema, ...rest } = isObject(media) ? media : {};
  return { ...rest, schema: tidySchema(schema) };
}

/** Presentable, and with the shapes that have a name referred to by it. */
function tidySchema(schema: unknown): JsonObject {
  if (!isObject(schema)) return {};
  const reference = (each: JsonObject) => references.get(JSON.stringify(each)) ?? each;
  const tidied = mapSchema(presentable(schema), reference);
  return isObject(tidied) ? tidied : {};
}

const namedSchemas = mapValues(
  {
    Task: taskSchema,
    Submission: submissionSchema,
    PeriodicTask: periodicTaskSchema,
    PeriodicTaskInList: periodicEntrySchema,
    PeriodicTaskDefinition: definitionSchema,
    PeriodicTaskChanges: changesSchema,
    Firing: firingSchema,
    Attempt: attemptSchema,
    LogLine: logLineSchema,
    Problem: problemSchema,
  },
  (schema) => presentable(JSON.parse(JSON.stringify(schema))),
);
const references = new Map(
  Object.entries(namedSchemas).map(([name, schema]) => [
    JSON.stringify(schema),
    { $ref: `#/components/schemas/${name}` },
  ]),
);
