import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeResult, InvalidResultError } from "../../src/runtime/worker-json.ts";

class Point {
  readonly x = 1;
  readonly nothing = undefined;
  #hidden = 2;
  get sum() {
    return this.x + this.#hidden;
  }
}

describe("encodeResult", () => {
  test("writes any JSON value as JSON.stringify does", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: "binary" }), (value) => {
        expect(encodeResult(value)).toBe(value === null ? null : JSON.stringify(value));
      }),
    );
  });

  test.each<[string, unknown, string | null]>([
    ["undefined", undefined, null],
    ["null", null, null],
    ["a date", new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ["toJSON of nothing", { toJSON: () => undefined }, null],
    ["an instance", new Point(), '{"x":1}'],
    ["no prototype", Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    ["undefined properties", { a: undefined, b: [{ c: undefined }] }, '{"b":[{}]}'],
    ["the same object twice", [Point, Point].map(() => ({ a: 1 })), '[{"a":1},{"a":1}]'],
    ["minus zero", -0, "0"],
    ["a lone surrogate", "\ud800", '"\\ud800"'],
    ["a frozen object", Object.freeze({ a: Object.freeze([1]) }), '{"a":[1]}'],
    ["a URL", new URL("http://x/"), '"http://x/"'],
    ["a __proto__ key", JSON.parse('{"__proto__":1}'), '{"__proto__":1}'],
  ])("takes %s", (_what, value, text) => {
    expect(encodeResult(value)).toBe(text);
  });

  const shared = { a: 1 };
  test("takes one object in several places", () => {
    expect(encodeResult([shared, { shared }, [shared]])).toBe('[{"a":1},{"shared":{"a":1}},[{"a":1}]]');
  });

  const cycle: unknown[] = [];
  cycle.push({ back: cycle });
  test.each<[string, unknown, string]>([
    ["a BigInt", 1n, "result is a BigInt, which JSON cannot hold"],
    ["a function", { on: { end: () => 1 } }, "result.on.end is a function, which JSON cannot hold"],
    ["a symbol", [[Symbol("s")]], "result[0][0] is a symbol, which JSON cannot hold"],
    ["NaN", { a: [Number.NaN] }, "result.a[0] is NaN, which JSON cannot hold"],
    ["Infinity", -Infinity, "result is -Infinity, which JSON cannot hold"],
    ["a hole", new Array(1), "result[0] is undefined, which a JSON array cannot hold"],
    ["undefined in an array", [1, undefined], "result[1] is undefined, which a JSON array cannot hold"],
    ["a Set", { "two words": new Set() }, 'result["two words"] is a Set, which JSON cannot hold'],
    ["a RegExp", /x/, "result is a RegExp, which JSON cannot hold"],
    ["bytes", new Uint8Array(2), "result is an Uint8Array, which JSON cannot hold"],
    ["a wrapped number", new Number(1), "result is a Number, which JSON cannot hold"],
    ["an invalid Date", { at: new Date(Number.NaN) }, "result.at is an invalid Date, which JSON cannot hold"],
    ["a cycle", cycle, "result[0].back contains itself, which JSON cannot hold"],
    ["after siblings", { a: { b: [{}, {}] }, c: 1n }, "result.c is a BigInt, which JSON cannot hold"],
    ["toJSON that throws", { toJSON: () => thrown("no") }, "a getter, toJSON or proxy in the result threw Error: no"],
    ["a revoked proxy", revoked(), "a getter, toJSON or proxy in the result threw TypeError"],
  ])("refuses %s", (_what, value, message) => {
    expect(() => encodeResult(value)).toThrow(InvalidResultError);
    expect(() => encodeResult(value)).toThrow(message);
  });

  test("takes a megabyte, and refuses more without writing it out", () => {
    expect(encodeResult("x".repeat(2 ** 20 - 2))).toHaveLength(2 ** 20);
    expect(() => encodeResult("x".repeat(2 ** 20 - 1))).toThrow("larger than 1048576 bytes");
    expect(() => encodeResult("é".repeat(2 ** 19))).toThrow("larger than 1048576 bytes");
    const row = Array.from({ length: 1_000 }, () => "x".repeat(100));
    let read = 0;
    const rows = Array.from({ length: 1_000 }, () => ({
      toJSON() {
        read += 1;
        return row;
      },
    }));
    expect(() => encodeResult(rows)).toThrow("larger than 1048576 bytes");
    expect(read).toBeLessThan(20);
  });

  test("refuses a value without end", () => {
    expect(() => encodeResult(endless())).toThrow("is nested deeper than 200 levels");
  });
});

function endless(): object {
  return new Proxy(
    {},
    {
      ownKeys: () => ["a"],
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
      get: (_target, key) => (key === "a" ? endless() : undefined),
    },
  );
}

function thrown(message: string): never {
  throw new Error(message);
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
