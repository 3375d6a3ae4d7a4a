import { describe, expect, test } from "bun:test";
import { type TSchema, Type as t } from "@sinclair/typebox";
import { exampleKwargs } from "../../../src/http/docs/example.ts";
import { readyHandler } from "./app.ts";

/** The example for one property `x`, or undefined when there is none. It is checked by the handler's own binder. */
function exampleOf(schema: TSchema | Readonly<Record<string, unknown>>): unknown {
  return exampleKwargs(readyHandler("h", { type: "object", required: ["x"], properties: { x: schema } }))?.x;
}

describe("an example takes", () => {
  test.each<[string, Readonly<Record<string, unknown>>, unknown]>([
    ["the default", { type: "number", default: 7 }, 7],
    ["the first example", { type: "number", examples: [8, 9] }, 8],
    ["a constant", { const: "fixed" }, "fixed"],
    ["the first value of an enum", { enum: ["b", "a"] }, "b"],
    ["the first alternative", t.Union([t.Literal("left"), t.Literal("right")]), "left"],
    ["a falsy default", { type: "boolean", default: false }, false],
    ["an address", { type: "string", format: "email" }, "user@example.com"],
    ["the minimum", { type: "integer", minimum: 10 }, 10],
    ["as many items as needed", { type: "array", minItems: 2, items: { const: 1 } }, [1, 1]],
  ])("%s", (_, schema, expected) => {
    expect(exampleOf(schema)).toEqual(expected);
  });
});

test.each<[string, TSchema | Readonly<Record<string, unknown>>]>([
  ["a format", { type: "string", format: "uri" }],
  ["a length", { type: "string", minLength: 30, maxLength: 30 }],
  ["several types", { type: ["string", "null"], minLength: 2 }],
  ["nested objects", t.Object({ list: t.Array(t.Object({ name: t.String(), on: t.Boolean() }), { minItems: 1 }) })],
  ["parts put together", t.Intersect([t.Object({ a: t.String() }), t.Object({ b: t.Integer({ minimum: 4 }) })])],
  ["anything", {}],
])("an example with %s is accepted by its schema", (_, schema) => {
  expect(exampleOf(schema)).not.toBeUndefined();
});

test("there is no example where none was found, and none that the handler would refuse", () => {
  expect(exampleOf({ type: "integer", minimum: 3, maximum: 2 })).toBeUndefined();
  expect(exampleOf({ not: {} })).toBeUndefined();
  expect(exampleOf(t.Recursive((This) => t.Object({ again: This })))).toBeUndefined();
});

test("a handler without a schema is called without anything", () => {
  expect(exampleKwargs(readyHandler("h", null))).toEqual({});
});
