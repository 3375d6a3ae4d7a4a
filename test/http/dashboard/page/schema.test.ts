import { describe, expect, test } from "bun:test";
import { initialOf, type Kind, kindOf, type Schema } from "../../../../src/http/dashboard/page/handlers/schema.ts";

describe("a value is put in by what its schema is of", () => {
  test.each<[Kind, Schema]>([
    ["text", { type: "string", format: "email" }],
    ["number", { type: "integer" }],
    ["switch", { type: "boolean" }],
    ["choice", { enum: ["a", "b"] }],
    ["choice", { anyOf: [{ const: "a" }, { const: 1 }] }],
    ["object", { type: "object", properties: { a: {} } }],
    ["list", { type: "array", items: { type: "string" } }],
    ["json", { type: "object" }],
    ["json", { type: "array" }],
    ["json", { anyOf: [{ type: "string" }, { type: "null" }] }],
    ["json", {}],
  ])("%s", (kind, schema) => {
    expect(kindOf(schema)).toBe(kind);
  });
});

test("a form begins with the defaults, and leaves out what may be left out", () => {
  const schema: Schema = {
    type: "object",
    required: ["name", "mode", "inner", "size"],
    properties: {
      name: { type: "string" },
      mode: { enum: ["full", "delta"] },
      size: { type: "integer" },
      pages: { type: "integer", default: 5 },
      note: { type: "string" },
      inner: {
        type: "object",
        required: ["on"],
        properties: { on: { type: "boolean" }, tags: { type: "array", items: {} } },
      },
    },
  };
  expect(initialOf(schema, true)).toEqual({ name: "", mode: "full", pages: 5, inner: { on: false } });
});
