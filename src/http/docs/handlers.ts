import { type BrokenHandler, type Handler, type ReadyHandler, servingHandler } from "../../engine/runner.ts";
import { exampleKwargs } from "./example.ts";
import { isObject, type JsonObject, mapSchema, presentable, resolve } from "./json-schema.ts";
import type { OpenApi, Operation } from "./openapi.ts";

const submitPath = "/api/v1/tasks";
const batchPath = "/api/v1/tasks/batch";
const periodicPath = "/api/v1/periodic-tasks";

/**
 * `document` with every handler in it: one that can be called as an example of the body that submits it and with its
 * input schema, one that does not load in the description, with the reason.
 */
export function withHandlers(document: OpenApi, handlers: readonly Handler[]): OpenApi {
  const broken = handlers.filter((handler) => handler.status === "load_error");
  const ready = nameComponents(handlers, document.components.schemas);
  const examples = ready.map(({ handler }) => [handler.name, bodyExample(handler)] as const);
  return {
    ...document,
    info: { ...document.info, description: document.info.description + summary(ready.length, broken) },
    paths: {
      ...document.paths,
      ...withBody(document, submitPath, (schema) => anyBody(document, schema, ready), Object.fromEntries(examples)),
      ...withBody(document, batchPath, (schema) => schema, batchExample(examples)),
      ...withBody(document, periodicPath, (schema) => schema, Object.fromEntries(examples.map(periodicExample))),
    },
    components: {
      ...document.components,
      schemas: { ...document.components.schemas, ...Object.fromEntries(ready.map(inputComponent)) },
    },
  };
}

interface NamedHandler {
  readonly handler: ReadyHandler;
  /** Of its input schema in the document. */
  readonly component: string;
}

/** OpenAPI allows few characters in the name of a component, and two handlers may then come out alike. */
function nameComponents(handlers: readonly Handler[], taken: JsonObject): readonly NamedHandler[] {
  const used = new Set(Object.keys(taken));
  // Files that share a name share what serves it.
  return [...new Set(handlers.map(servingHandler))].flatMap((handler) => {
    if (handler === null) return [];
    const base = `${handler.name.replaceAll(":", ".").replace(/[^A-Za-z0-9._-]/g, "_")}.input`;
    let component = base;
    for (let count = 2; used.has(component); count++) component = `${base}-${count}`;
    used.add(component);
    return [{ handler, component }];
  });
}

function summary(ready: number, broken: readonly BrokenHandler[]): string {
  const count = ready === 1 ? "1 handler is ready" : `${ready} handlers are ready`;
  const first = `\n\n${count}: each is an example of the body of \`POST ${submitPath}\`.`;
  if (broken.length === 0) return ready === 0 ? "\n\nNo handler is ready: there is nothing to submit yet." : first;
  const reasons = broken.map(({ name, error: { message, file, line }, serving }) => {
    const place = line === null ? file : `${file}:${line}`;
    const meanwhile = serving === null ? "" : " (its last version that loaded serves)";
    return `- ${code(name)} in ${code(place)}: ${code(message)}${meanwhile}`;
  });
  return `${first}\n\n**Not loaded**\n\n${reasons.join("\n")}`;
}

/** As Markdown code, on one line: nothing in it is markup. */
function code(text: string): string {
  return `\`${text.replaceAll("`", "'").replace(/\s+/g, " ")}\``;
}

function bodyExample(handler: ReadyHandler): JsonObject {
  const { name, description } = handler;
  const kwargs = exampleKwargs(handler);
  return {
    summary: description === null ? name : `${name}: ${description.split("\n", 1)[0]}`,
    ...(kwargs === null ? { description: "Its schema gives no example: fill in `kwargs`." } : {}),
    value: { func_name: name, kwargs: kwargs ?? {} },
  };
}

function batchExample(examples: readonly (readonly [string, JsonObject])[]): JsonObject {
  const tasks = examples.slice(0, 2).map(([, { value }]) => value);
  return tasks.length === 0 ? {} : { batch: { summary: "Several tasks", value: { tasks } } };
}

/** The same submission, at every full hour. */
function periodicExample([name, { value, ...rest }]: readonly [string, JsonObject]): readonly [string, JsonObject] {
  const when = { name: `hourly_${name}`, cron_expression: "0 * * * *" };
  return [name, { ...rest, value: { ...when, ...(isObject(value) ? value : {}) } }];
}

/** Any submission, or that of one handler, each with all the fields, as the tools show one of them at a time. */
function anyBody(document: OpenApi, generic: JsonObject, handlers: readonly NamedHandler[]): JsonObject {
  if (handlers.length === 0) return generic;
  const target = typeof generic.$ref === "string" ? resolve(document, generic.$ref) : generic;
  const { properties, ...fields } = isObject(target) ? target : {};
  const variants = handlers.map(({ handler: { name, description }, component }) => ({
    ...fields,
    title: name,
    ...(description === null ? {} : { description }),
    properties: {
      ...(isObject(properties) ? properties : {}),
      func_name: { type: "string", const: name },
      kwargs: { $ref: `#/components/schemas/${component}` },
    },
  }));
  return { anyOf: [generic, ...variants] };
}

function withBody(
  document: OpenApi,
  path: string,
  schemaOf: (schema: JsonObject) => JsonObject,
  examples: JsonObject,
): OpenApi["paths"] {
  const operation = document.paths[path]?.post;
  const media = operation?.requestBody?.content["application/json"];
  if (operation === undefined || media === undefined) return {};
  const content = { "application/json": { schema: schemaOf(media.schema), examples } };
  const post: Operation = { ...operation, requestBody: { required: true, content } };
  return { [path]: { ...document.paths[path], post } };
}

function inputComponent({ handler, component }: NamedHandler): readonly [string, JsonObject] {
  const { name, description, inputSchema } = handler;
  const described = { title: `kwargs of ${name}`, ...(description === null ? {} : { description }) };
  if (inputSchema === null) return [component, { ...described, type: "object", additionalProperties: true }];
  const schema = mapSchema(presentable(inputSchema), ({ $ref, ...rest }) =>
    typeof $ref === "string" ? { ...rest, $ref: $ref.replace("#", `#/components/schemas/${component}`) } : rest,
  );
  return [component, { ...described, ...(isObject(schema) ? withoutDefaulted(schema) : {}) }];
}

/** A property with a default need not be sent, though TypeBox calls it required: it always is there when `run` is called. */
function withoutDefaulted({ required, ...schema }: JsonObject): JsonObject {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const names = Array.isArray(required) ? required : [];
  const needed = names.filter((name) => !(isObject(properties[name]) && "default" in properties[name]));
  return needed.length === 0 ? schema : { ...schema, required: needed };
}
