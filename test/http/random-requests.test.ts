import { expect, test } from "bun:test";
import fc from "fast-check";
import { testApp } from "../support/app.ts";
import { answerChecker, checkedOpenApi, operationFor, operationsOf, type PlacedOperation } from "../support/openapi.ts";
import { arbitraryOf } from "../support/schema-arbitrary.ts";

const runs = 10_000;
const writer = { name: "ops", key: "w".repeat(20), scope: "write" } as const;
const reader = { name: "board", key: "r".repeat(20), scope: "read" } as const;

/** A path's parameter that is to be chosen among what answers named. */
interface Pick {
  readonly among: "tasks" | "names";
  readonly pick: number;
}

/** A request before it is known which tasks, periodic tasks and handlers there are. */
interface Plan {
  readonly asked: PlacedOperation;
  readonly method: string;
  readonly params: readonly (string | Pick)[];
  readonly query: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer> | null;
}

test(`of ${runs} requests made from the document, valid and broken, each is answered as it says`, async () => {
  let now = 0;
  const access = { keys: [writer, reader], now: () => (now += 1_000) };
  const { engine, request } = await testApp({
    access,
    slots: 30,
    settings: { maxQueueSize: 3_000 },
    newId: Bun.randomUUIDv7,
  });
  engine.catalog.break("broken", "Unexpected ;");
  const document = checkedOpenApi(
    await (await request("/docs/json", { headers: { authorization: `Bearer ${writer.key}` } })).json(),
  );
  const operations = operationsOf(document);
  const check = answerChecker(document);
  const known = { tasks: new Set(["none"]), names: new Set(["echo", "add_numbers", "broken", "queued"]) };
  const seen = new Map<string, number>();

  await fc.assert(
    fc.asyncProperty(planOf(operations, document), async ({ asked, method, params, query, headers, body }) => {
      const chosen = params.map((param) => (typeof param === "string" ? param : pick([...known[param.among]], param)));
      const given = chosen.map(encodeURIComponent);
      const path = asked.path.replace(/\{[^}]+\}/g, () => given.shift() ?? "");
      const search = new URLSearchParams(query.map(([name, value]) => [name, value])).toString();
      const init = { method, headers, ...(method === "GET" || method === "HEAD" || body === null ? {} : { body }) };
      const response = await request(`${path}${search === "" ? "" : `?${search}`}`, init);
      const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
      const text = await response.text();
      for (const [, id = ""] of text.matchAll(/"task_id":"([^"\\]{1,60})"/g)) known.tasks.add(id);
      // The document names much, and none of it can be asked for.
      const named = asked.path === "/docs/json" ? "" : text;
      for (const [, name = ""] of named.matchAll(/"name":"([^"\\]{1,60})"/g)) known.names.add(name);

      const answer = { status: response.status, type, body: text };
      const found = operationFor(operations, method, new URL(`http://localhost${path}`).pathname);
      expect(response.status).not.toBe(500);
      expect(text).not.toContain(import.meta.dir.split("/").slice(0, 3).join("/"));
      if (response.status >= 400) expect(text).not.toMatch(/\bat .+:\d+:\d+/);
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      if (method === "HEAD" && found !== undefined)
        expect(found.operation.responses).toHaveProperty([`${answer.status}`]);
      else if (method === "OPTIONS") expect([204, 403]).toContain(response.status);
      else if (found !== undefined) expect(check(found, answer)).toBeNull();
      else expect([401, 403, 404, 405, 429]).toContain(response.status);
      if (found === undefined && method !== "OPTIONS") expect(type).toBe("application/problem+json");
      const kind = `${asked.method} ${asked.path} ${response.status}`;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
    }),
    // What comes before is part of a failure, so that a smaller one would be another.
    { numRuns: runs, endOnFailure: true },
  );

  // It would prove little if all were refused: each operation is done, and each kind of refusal is seen.
  for (const { method, path } of operations) {
    const done = path === "/ws" ? [426] : [200, 201, 202];
    expect([method, path, done.some((status) => seen.has(`${method} ${path} ${status}`))]).toEqual([
      method,
      path,
      true,
    ]);
  }
  for (const status of [200, 201, 202, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 503]) {
    expect([status, [...seen.keys()].some((kind) => kind.endsWith(String(status)))]).toEqual([status, true]);
  }
}, 120_000);

function pick(known: readonly string[], { pick: chosen }: Pick): string {
  // The newest half the time: of very many tasks few would be met twice.
  const among = chosen % 2 === 0 ? known : known.slice(-20);
  return among[chosen % among.length] ?? "";
}

function planOf(operations: readonly PlacedOperation[], document: object): fc.Arbitrary<Plan> {
  const plans = operations.map((asked) => {
    const parameters = asked.operation.parameters ?? [];
    const inPath = parameters.filter((each) => each.in === "path");
    const arbitrary = fc.record({
      asked: fc.constant(asked),
      method: mostly(asked.method, fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")),
      params: fc.tuple(...inPath.map((each) => paramOf(each, document))),
      query: queryOf(parameters, document),
      headers: headersOf(),
      body: bodyOf(asked, document),
    });
    // There is the most to get wrong in a body.
    return { weight: asked.operation.requestBody === undefined ? 1 : 6, arbitrary };
  });
  return fc.oneof(...plans);
}

function mostly<Value>(usual: Value, other: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return fc.oneof({ weight: 19, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });
}

function paramOf({ name, schema }: Parameters[number], document: object): fc.Arbitrary<string | Pick> {
  const among = name === "task_id" ? ("tasks" as const) : ("names" as const);
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ among: fc.constant(among), pick: fc.nat() }) },
    { weight: 3, arbitrary: arbitraryOf(schema, document).map(String) },
    { weight: 1, arbitrary: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("..", ".", "\\", "%00", "a/b")) },
  );
}

type Parameters = NonNullable<PlacedOperation["operation"]["parameters"]>;

function queryOf(parameters: Parameters, document: object): fc.Arbitrary<readonly (readonly [string, string])[]> {
  const known = parameters.filter((each) => each.in === "query");
  const pair = ({ name, schema }: Parameters[number]) =>
    fc.tuple(fc.constant(name), arbitraryOf(schema, document).map(String));
  const good = known.length === 0 ? fc.constant([]) : fc.array(fc.oneof(...known.map(pair)), { maxLength: 2 });
  const name = fc.oneof(fc.constantFrom("limit", "cursor", "status", "__proto__", "constructor"), fc.string());
  const junk = fc.array(fc.tuple(name, fc.string({ unit: "binary" })), { minLength: 1, maxLength: 2 });
  return fc.oneof({ weight: 8, arbitrary: good }, { weight: 1, arbitrary: junk });
}

function headersOf(): fc.Arbitrary<Readonly<Record<string, string>>> {
  const key = (text: string) => ({ authorization: `Bearer ${text}` });
  const odd = fc.constantFrom<Record<string, string>>(
    {},
    key(reader.key),
    key("wrong"),
    { authorization: "Basic eDp5" },
    { ...key(writer.key), host: "a@b" },
    { ...key(writer.key), origin: "http://evil.example" },
    { ...key(writer.key), "sec-fetch-site": "cross-site" },
    { ...key(writer.key), accept: "text/html" },
    { ...key(writer.key), "content-type": "text/plain" },
    { ...key(writer.key), "if-none-match": "*" },
    { ...key(writer.key), "content-length": "99999999" },
  );
  const json = { "content-type": "application/json" };
  return fc
    .oneof({ weight: 9, arbitrary: fc.constant(key(writer.key)) }, { weight: 2, arbitrary: odd })
    .map((headers) => ({ ...json, ...headers }));
}

function bodyOf({ operation }: PlacedOperation, document: object): fc.Arbitrary<Plan["body"]> {
  const content = operation.requestBody?.content["application/json"];
  if (content === undefined) return fc.oneof(fc.constant(null), fc.string());
  const inSchema: unknown = Reflect.get(content.schema, "examples");
  const named = Object.values(content.examples ?? {}).map(({ value }) => value);
  const examples = [...named, ...(Array.isArray(inSchema) ? inSchema : [])];
  // A schema does not tell what a cron expression looks like.
  const valid = fc.oneof(
    { weight: 4, arbitrary: arbitraryOf(content.schema, document) },
    ...(examples.length === 0 ? [] : [{ weight: 1, arbitrary: fc.constantFrom(...examples) }]),
  );
  const name = fc.oneof(fc.constantFrom("__proto__", "constructor", "delay", "func_name"), fc.string());
  const changed = fc
    .tuple(valid, name, fc.jsonValue())
    .map(([value, field, inner]) => JSON.stringify({ ...Object(value), [field]: inner }));
  const cut = valid.map((value) => JSON.stringify(value).slice(0, -1));
  const text = fc.oneof(
    fc.json(),
    fc.string({ unit: "binary" }),
    fc.nat(2_000).map((depth) => "[".repeat(depth) + "]".repeat(depth)),
    fc.constantFrom('{"func_name":"echo","kwargs":{"a":1e999}}', '{"func_name":"echo"}'),
  );
  return fc.oneof(
    { weight: 8, arbitrary: valid.map((value) => JSON.stringify(value)) },
    { weight: 3, arbitrary: changed },
    { weight: 1, arbitrary: cut },
    { weight: 2, arbitrary: text },
    { weight: 1, arbitrary: fc.constant('{"func_name":"broken"}') },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array(bytes)) },
  );
}
