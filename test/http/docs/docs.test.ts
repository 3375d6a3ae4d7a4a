import { describe, expect, test } from "bun:test";
import { Type as t } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { docs } from "../../../src/http/docs/docs.ts";
import { checkedOpenApi, type OpenApiDocument } from "../../support/openapi.ts";
import { brokenHandler, createDocsApp, readyHandler } from "./app.ts";

type DocsApp = ReturnType<typeof createDocsApp>;

const hello = readyHandler("hello_world", t.Object({ name: t.String({ default: "World" }) }), "Greet someone");
const add = readyHandler("add_numbers", t.Object({ a: t.Number({ minimum: 5 }), b: t.Number() }));

async function documentOf({ get }: Pick<DocsApp, "get">): Promise<OpenApiDocument> {
  const response = await get("/docs/json");
  expect(response.headers.get("content-type")).toBe("application/json");
  return checkedOpenApi(await response.json());
}

function bodyOf(document: OpenApiDocument, path = "/api/v1/tasks") {
  const body = document.paths[path]?.post?.requestBody?.content["application/json"];
  if (body === undefined) throw new Error(`POST ${path} takes no JSON`);
  return { ...body, examples: body.examples ?? {} };
}

describe("the OpenAPI document", () => {
  test("is valid and has every route of the app that is not an asset", async () => {
    const docsApp = createDocsApp([hello, add, brokenHandler("bad", "Cannot find module")]);
    const document = await documentOf(docsApp);
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const routes = docsApp.app.routes
      .filter(({ path }) => !path.startsWith("/docs/assets/"))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}").replace(/(?<=.)\/$/, "")}`);
    expect(described.toSorted()).toEqual(routes.toSorted());
    expect(routes.length).toBeGreaterThan(15);
    expect(document.info.version).toBe("1.2.3");
  });

  test("is valid without any handler, and says that there is none", async () => {
    const document = await documentOf(createDocsApp([]));
    expect(document.info.description).toContain("No handler is ready");
    expect(bodyOf(document).schema).toEqual({ $ref: "#/components/schemas/Submission" });
  });

  test("lists JSON as the only body that a route takes", async () => {
    const { paths } = await documentOf(createDocsApp([hello]));
    const bodies = Object.values(paths).flatMap((item) =>
      Object.values(item).flatMap(({ requestBody }) => (requestBody === undefined ? [] : [requestBody])),
    );
    expect(bodies.length).toBeGreaterThan(3);
    for (const { content } of bodies) expect(Object.keys(content)).toEqual(["application/json"]);
  });

  test.each(["/api/v1/tasks", "/api/v1/periodic-tasks"])("shows for each error of %s its problem", async (path) => {
    const { paths } = await documentOf(createDocsApp([]));
    const responses = Object.entries(paths[path]?.post?.responses ?? {}).filter(([status]) => status > "399");
    const shown = responses.map(([status, { content }]) => [status, content?.["application/problem+json"]?.example]);
    expect(shown.length).toBeGreaterThan(5);
    for (const [status, example] of shown) expect(example).toMatchObject({ status: Number(status) });
  });

  test("refers to a named shape instead of repeating it", async () => {
    const { paths } = await documentOf(createDocsApp([]));
    const task = paths["/api/v1/tasks/{task_id}"]?.get?.responses["200"]?.content?.["application/json"]?.schema;
    expect(task).toEqual({ $ref: "#/components/schemas/Task" });
  });

  test("offers a key as one of the ways in, and none as the other", async () => {
    const { security, components } = await documentOf(createDocsApp([]));
    expect(security).toEqual([{}, { apiKey: [] }]);
    expect(components.securitySchemes.apiKey).toMatchObject({ type: "http", scheme: "bearer" });
  });
});

describe("a route that says little of itself", () => {
  const app = new Elysia()
    .get("/bare/:id", () => "")
    .get("/hidden", () => "", { detail: { hide: true } })
    .post("/shaped", () => ({ sum: 1 }), { body: t.Object({ a: t.Number() }), response: t.Object({ sum: t.Number() }) })
    .get("/asked", () => "", { query: t.Object({ q: t.String({ examples: ["word"], description: "What for" }) }) })
    .use(docs({ handlers: () => [], generation: () => 1, version: "1" }));
  const paths = async () => (await (await app.handle(new Request("http://localhost/docs/json"))).json()).paths;

  test("has its path's parameters and an answer all the same", async () => {
    expect((await paths())["/bare/{id}"].get).toEqual({
      operationId: "getBareById",
      parameters: [{ in: "path", name: "id", required: true, schema: { type: "string" } }],
      responses: { 200: { description: "OK" } },
    });
  });

  test("takes JSON, and has no more parameters than its query has", async () => {
    const { "/shaped": shaped, "/asked": asked } = await paths();
    expect(Object.keys(shaped.post.requestBody.content)).toEqual(["application/json"]);
    expect(shaped.post).not.toHaveProperty("parameters");
    expect(shaped.post.responses).toMatchObject({ 200: { description: "OK" } });
    expect(Object.keys(shaped.post.responses["200"].content)).toEqual(["application/json"]);
    expect(asked.get.parameters).toEqual([
      {
        in: "query",
        name: "q",
        required: true,
        description: "What for",
        schema: { type: "string", examples: ["word"] },
      },
    ]);
  });

  test("is not there when it is hidden", async () => {
    expect(await paths()).not.toHaveProperty("/hidden");
  });
});

describe("a handler in the document", () => {
  test("is an example of the submission's body that it accepts", async () => {
    const { examples } = bodyOf(await documentOf(createDocsApp([hello, add])));
    expect(examples).toEqual({
      hello_world: {
        summary: "hello_world: Greet someone",
        value: { func_name: "hello_world", kwargs: { name: "World" } },
      },
      add_numbers: { summary: "add_numbers", value: { func_name: "add_numbers", kwargs: { a: 5, b: 0 } } },
    });
  });

  test("has its own input schema as a component that the body refers to", async () => {
    const document = await documentOf(createDocsApp([add]));
    expect(document.components.schemas["add_numbers.input"]).toEqual({
      title: "kwargs of add_numbers",
      type: "object",
      properties: { a: { type: "number", minimum: 5 }, b: { type: "number" } },
      required: ["a", "b"],
    });
    expect(bodyOf(document).schema).toMatchObject({
      anyOf: [
        { $ref: "#/components/schemas/Submission" },
        {
          title: "add_numbers",
          properties: {
            func_name: { const: "add_numbers" },
            kwargs: { $ref: "#/components/schemas/add_numbers.input" },
            priority: { description: expect.any(String) },
          },
        },
      ],
    });
  });

  test("need not be given what has a default", async () => {
    const { components } = await documentOf(createDocsApp([hello]));
    expect(components.schemas["hello_world.input"]).not.toHaveProperty("required");
  });

  test("without a schema takes any kwargs", async () => {
    const document = await documentOf(createDocsApp([readyHandler("free", null)]));
    expect(bodyOf(document).examples.free?.value).toEqual({ func_name: "free", kwargs: {} });
    expect(document.components.schemas["free.input"]).toMatchObject({ type: "object", additionalProperties: true });
  });

  test("with a schema that gives no example is there all the same, and says so", async () => {
    const impossible = readyHandler("odd", { type: "object", required: ["x"], properties: { x: { not: {} } } });
    const { examples } = bodyOf(await documentOf(createDocsApp([impossible])));
    expect(examples.odd).toMatchObject({
      description: expect.stringContaining("no example"),
      value: { func_name: "odd", kwargs: {} },
    });
  });

  test("keeps its own component when the names of two come out alike", async () => {
    const names = ["db:backup", "db.backup", "größe", "gr  e", "Task"];
    const handlers = names.map((name) => readyHandler(name, t.Object({ [name]: t.String() })));
    const document = await documentOf(createDocsApp(handlers));
    const components = Object.values(document.components.schemas).map(({ properties }: { properties?: unknown }) =>
      Object.keys(Object(properties)),
    );
    for (const name of names) expect(components).toContainEqual([name]);
    expect(Object.keys(bodyOf(document).examples)).toEqual(names);
    expect(document.components.schemas.Task).toHaveProperty("properties.task_id");
  });

  test("may have a schema that refers to itself", async () => {
    const tree = t.Recursive((This) => t.Object({ label: t.String(), children: t.Array(This) }), { $id: "Node" });
    const document = await documentOf(createDocsApp([readyHandler("walk", t.Object({ tree }))]));
    expect(document.components.schemas["walk.input"]).toMatchObject({
      properties: {
        tree: { properties: { children: { items: { $ref: "#/components/schemas/walk.input/properties/tree" } } } },
      },
    });
    expect(JSON.stringify(document)).not.toContain("$id");
  });

  test("may have a reference to elsewhere, which no page is made to follow", async () => {
    const inputSchema = { type: "object", properties: { far: { $ref: "https://elsewhere.test/far.json" } } };
    const document = await documentOf(createDocsApp([{ ...readyHandler("far", null), inputSchema }]));
    expect(document.components.schemas["far.input"]).toMatchObject({ properties: { far: {} } });
    expect(JSON.stringify(document)).not.toContain("elsewhere");
  });

  test("that does not load is listed with its reason, whose characters are no markup", async () => {
    const document = await documentOf(createDocsApp([brokenHandler("bad", "Unexpected `}`\n<img src=x> **bold**")]));
    expect(document.info.description).toContain("- `bad` in `bad.ts:3`: `Unexpected '}' <img src=x> **bold**`");
    expect(bodyOf(document).examples).toEqual({});
  });

  test("that does not load while its last good version serves is both listed and an example", async () => {
    const clash = [{ ...brokenHandler(hello.name, "no"), serving: hello }];
    const document = await documentOf(createDocsApp([...clash, ...clash]));
    expect(document.info.description).toContain("1 handler is ready");
    expect(document.info.description).toContain(": `no` (its last version that loaded serves)");
    expect(Object.keys(bodyOf(document).examples ?? {})).toEqual([hello.name]);
  });

  test("is an example of the body that makes it a periodic task", async () => {
    const { examples } = bodyOf(await documentOf(createDocsApp([hello, add])), "/api/v1/periodic-tasks");
    expect(Object.keys(examples)).toEqual(["hello_world", "add_numbers"]);
    expect(examples.hello_world).toEqual({
      summary: "hello_world: Greet someone",
      value: {
        name: "hourly_hello_world",
        func_name: "hello_world",
        cron_expression: "0 * * * *",
        kwargs: { name: "World" },
      },
    });
  });

  test("is in the example of a batch", async () => {
    const { examples } = bodyOf(await documentOf(createDocsApp([hello, add])), "/api/v1/tasks/batch");
    expect(examples.batch?.value).toEqual({
      tasks: [
        { func_name: "hello_world", kwargs: { name: "World" } },
        { func_name: "add_numbers", kwargs: { a: 5, b: 0 } },
      ],
    });
  });
});

describe("a change of the handlers", () => {
  test("makes the document anew; without one it stays as it is", async () => {
    const docsApp = createDocsApp([hello]);
    const before = (await docsApp.get("/docs/json")).headers.get("etag");
    expect((await docsApp.get("/docs/json", { "if-none-match": before ?? "" })).status).toBe(304);
    docsApp.change([hello, add]);
    const after = await docsApp.get("/docs/json", { "if-none-match": before ?? "" });
    expect(after.status).toBe(200);
    expect(after.headers.get("etag")).not.toBe(before);
    expect(Object.keys(bodyOf(checkedOpenApi(await after.json())).examples)).toEqual(["hello_world", "add_numbers"]);
  });

  test("is all that makes it anew, so that a request costs next to nothing", async () => {
    const docsApp = createDocsApp([hello]);
    await docsApp.get("/docs/json");
    await docsApp.get("/docs/json");
    expect(docsApp.reads()).toBe(1);
    docsApp.change([add]);
    await docsApp.get("/docs/json");
    expect(docsApp.reads()).toBe(2);
  });
});
