import { describe, expect, test } from "bun:test";
import { type TSchema, Type as t } from "@sinclair/typebox";
import fc from "fast-check";
import type { Fault } from "../../src/domain/error.ts";
import { type BindInput, compileInput } from "../../src/domain/input.ts";

/** The binder of a schema that crossed a process boundary, as all of them do. */
function binder(schema: TSchema): BindInput {
  return compileInput(JSON.parse(JSON.stringify(schema)));
}

const add = binder(t.Object({ a: t.Number(), b: t.Number() }));

function faultsOf(bind: BindInput, args: readonly unknown[], kwargs: Record<string, unknown> = {}): readonly Fault[] {
  const bound = bind(args, kwargs);
  return bound.ok ? [] : bound.faults;
}

describe("args and kwargs", () => {
  test("args bind to the properties in their order, kwargs by name", () => {
    const input = { a: 5, b: 3 };
    expect(add([5, 3], {})).toEqual({ ok: true, input });
    expect(add([5], { b: 3 })).toEqual({ ok: true, input });
    expect(add([], { b: 3, a: 5 })).toEqual({ ok: true, input });
  });

  test("too many args are refused, with what it takes", () => {
    expect(faultsOf(add, [1, 2, 3, 4])).toEqual([{ path: "/args/2", message: "takes at most 2 args (a, b), 4 given" }]);
    expect(faultsOf(binder(t.Object({})), [1])).toEqual([{ path: "/args/0", message: "takes no args, 1 given" }]);
  });

  test("one given twice is refused", () => {
    const message = "'a' is given twice: in args and in kwargs";
    expect(faultsOf(add, [1], { a: 1, b: 2 })).toEqual([{ path: "/kwargs/a", message }]);
  });

  test("an unknown name is refused with the nearest known one", () => {
    const mail = binder(t.Object({ to: t.String(), subject: t.String() }));
    expect(faultsOf(mail, [], { to: "x", subjekt: "y" })).toEqual([
      { path: "/kwargs/subjekt", message: "unexpected argument 'subjekt'. Did you mean 'subject'?" },
    ]);
    expect(faultsOf(mail, [], { colour: "y" })).toEqual([
      { path: "/kwargs/colour", message: "unexpected argument 'colour'. It takes to, subject." },
    ]);
    expect(faultsOf(binder(t.Object({})), [], { x: 1 })).toEqual([
      { path: "/kwargs/x", message: "unexpected argument 'x'. It takes none." },
    ]);
  });

  test("a closed schema suggests as well", () => {
    const closed = binder(t.Object({ subject: t.Optional(t.String()) }, { additionalProperties: false }));
    expect(faultsOf(closed, [], { subjekt: "y" })).toEqual([
      { path: "/kwargs/subjekt", message: "unexpected argument 'subjekt'. Did you mean 'subject'?" },
    ]);
  });

  test("a schema that allows further properties takes them, and checks those it describes", () => {
    const open = binder(t.Object({ a: t.Number() }, { additionalProperties: t.String() }));
    expect(open([1], { note: "x" })).toEqual({ ok: true, input: { a: 1, note: "x" } });
    expect(faultsOf(open, [1], { note: 2 })).toEqual([{ path: "/kwargs/note", message: "must be string" }]);
    const record = binder(t.Record(t.String(), t.Number()));
    expect(record([], { x: 1 })).toEqual({ ok: true, input: { x: 1 } });
  });

  test("every wrong name is named at once", () => {
    expect(faultsOf(add, [1, 2, 3], { a: 1, x: 1 }).map(({ path }) => path)).toEqual([
      "/args/2",
      "/kwargs/a",
      "/kwargs/x",
    ]);
  });

  test("a handler without a schema takes any kwargs and no args", () => {
    const free = compileInput(null);
    expect(free([], { anything: [1] })).toEqual({ ok: true, input: { anything: [1] } });
    expect(faultsOf(free, [1])).toEqual([
      { path: "/args", message: "the handler declares no input schema, so it takes no args: give kwargs" },
    ]);
  });

  test("what was bound is what was given, however it was split", () => {
    const names = ["a", "b", "c", "d", "e"];
    const bind = binder(t.Object(Object.fromEntries(names.map((name) => [name, t.Unknown()]))));
    const values = fc.array(fc.jsonValue(), { minLength: names.length, maxLength: names.length });
    fc.assert(
      fc.property(values, fc.nat({ max: names.length }), (given, positional) => {
        const all = Object.fromEntries(names.map((name, index) => [name, given[index]]));
        const named = Object.fromEntries(Object.entries(all).slice(positional));
        expect(bind(given.slice(0, positional), named)).toEqual({ ok: true, input: all });
      }),
    );
  });
});

describe("defaults", () => {
  test("fill in what is not given, nested values too", () => {
    const bind = binder(
      t.Object({
        name: t.String({ default: "World" }),
        page: t.Object(
          { size: t.Integer({ default: 10 }), tags: t.Array(t.String(), { default: [] }) },
          { default: {} },
        ),
      }),
    );
    expect(bind([], {})).toEqual({ ok: true, input: { name: "World", page: { size: 10, tags: [] } } });
    expect(bind([], { page: { size: 3 } })).toEqual({
      ok: true,
      input: { name: "World", page: { size: 3, tags: [] } },
    });
  });

  test("are made anew for every input", () => {
    const bind = binder(t.Object({ tags: t.Array(t.String(), { default: [] }) }));
    const first = bind([], {});
    const second = bind([], {});
    if (!first.ok || !second.ok) throw new Error("does not bind");
    expect(first.input.tags).not.toBe(second.input.tags);
  });

  test("do not replace a null", () => {
    const bind = binder(t.Object({ name: t.String({ default: "World" }) }));
    expect(faultsOf(bind, [null])).toEqual([{ path: "/args/0", message: "must be string" }]);
  });
});

describe("what is wrong with the input", () => {
  test("lies where it was sent: in args by index, in kwargs by name", () => {
    expect(faultsOf(add, ["x"], { b: "y" })).toEqual([
      { path: "/args/0", message: "must be number" },
      { path: "/kwargs/b", message: "must be number" },
    ]);
  });

  test("names what is missing", () => {
    expect(faultsOf(add, [1])).toEqual([{ path: "/kwargs/b", message: "missing required 'b'" }]);
  });

  test("is found inside nested values", () => {
    const bind = binder(
      t.Object({ items: t.Array(t.Object({ id: t.Integer() }, { additionalProperties: false })), "a/b~c": t.Number() }),
    );
    const items = [{ id: 1 }, { id: "x" }, {}, { id: 1, extra: 1 }];
    expect(faultsOf(bind, [items], { "a/b~c": "x" })).toEqual([
      { path: "/args/0/1/id", message: "must be integer" },
      { path: "/args/0/2/id", message: "missing required 'id'" },
      { path: "/args/0/3/extra", message: "unexpected 'extra'" },
      { path: "/kwargs/a~1b~0c", message: "must be number" },
    ]);
    expect(faultsOf(bind, [], { items: [{ id: 1.5 }], "a/b~c": 1 })).toEqual([
      { path: "/kwargs/items/0/id", message: "must be integer" },
    ]);
  });

  test("is said once a place, with every choice there is", () => {
    const bind = binder(
      t.Object({
        kind: t.Union([t.Literal("summary"), t.Literal("failures")]),
        note: t.Union([t.String(), t.Null()]),
        count: t.Integer({ minimum: 2 }),
        fruit: t.Enum({ apple: "apple", pear: "pear" }),
        level: t.Unsafe({ enum: ["low", 3, null] }),
      }),
    );
    expect(faultsOf(bind, ["x", 1, 1.5, "fig", "high"])).toEqual([
      { path: "/args/0", message: 'must be "summary" or "failures"' },
      { path: "/args/1", message: "must be string or null" },
      { path: "/args/2", message: "must be integer and >= 2" },
      { path: "/args/3", message: 'must be "apple" or "pear"' },
      { path: "/args/4", message: 'must be one of "low", 3, null' },
    ]);
  });

  test("is cut off after a hundred", () => {
    const bind = binder(t.Object({ data: t.Array(t.Number()) }));
    expect(faultsOf(bind, [Array(10_000).fill("x")])).toHaveLength(100);
  });
});

describe("formats", () => {
  test.each([
    ["email", "a@b.example", "a b"],
    ["uri", "https://example.org/x", "example org"],
    ["date-time", "2030-01-31T09:00:00Z", "yesterday"],
    ["date", "2030-01-31", "2030-02-31"],
    ["uuid", "0198a0e5-0000-7000-8000-000000000000", "0198"],
    ["ipv4", "127.0.0.1", "127.0.0"],
  ])("%s is checked", (format, good, bad) => {
    const bind = binder(t.Object({ value: t.String({ format }) }));
    expect(bind([good], {}).ok).toBe(true);
    expect(faultsOf(bind, [bad])).toEqual([{ path: "/args/0", message: `must match format "${format}"` }]);
  });
});

describe("hostile names", () => {
  const hostile: Record<string, unknown> = JSON.parse('{"__proto__": {"polluted": true}}');

  test("__proto__ is an unexpected argument like any other", () => {
    expect(faultsOf(binder(t.Object({ a: t.Optional(t.Number()) })), [], hostile)).toEqual([
      { path: "/kwargs/__proto__", message: "unexpected argument '__proto__'. It takes a." },
    ]);
  });

  test("__proto__ stays what it was where anything is allowed", () => {
    for (const bind of [compileInput(null), binder(t.Object({}, { additionalProperties: true }))]) {
      const bound = bind([], hostile);
      if (!bound.ok) throw new Error("does not bind");
      expect(Object.getPrototypeOf(bound.input)).toBe(Object.prototype);
      expect(JSON.stringify(bound.input)).toBe('{"__proto__":{"polluted":true}}');
      expect(bound.input.polluted).toBeUndefined();
    }
  });

  test("names of Object's own members are not taken for given ones", () => {
    const bind = binder(t.Object({ constructor: t.Optional(t.String()), toString: t.String() }));
    expect(faultsOf(bind, [])).toEqual([{ path: "/kwargs/toString", message: "missing required 'toString'" }]);
    expect(bind(["x", "y"], {})).toEqual({ ok: true, input: { constructor: "x", toString: "y" } });
  });
});

describe("a schema", () => {
  test.each([
    ["that is no object", t.String(), "must be an object schema"],
    ["of a class that JSON lacks", t.Object({ at: t.Date() }), "schema is invalid"],
    ["with a type that does not exist", { type: "object", properties: { a: { type: "text" } } }, "schema is invalid"],
    ["with a misspelt format", t.Object({ to: t.String({ format: "emial" }) }), 'unknown format "emial" in schema'],
    ["that hides its properties", t.Intersect([t.Object({ a: t.Number() }), t.Object({ b: t.Number() })]), "Composite"],
  ])("%s is refused", (_, schema, reason) => {
    expect(() => compileInput(JSON.parse(JSON.stringify(schema)))).toThrow(reason);
  });

  test("joined from several by t.Composite binds like one", () => {
    const bind = binder(t.Composite([t.Object({ a: t.Number() }), t.Object({ b: t.Number() })]));
    expect(bind([5, 3], {})).toEqual({ ok: true, input: { a: 5, b: 3 } });
  });

  test("with an $id can be loaded again, in another version too", () => {
    const version = (property: string) => binder(t.Object({ [property]: t.Number() }, { $id: "input" }));
    expect(version("a")([1], {})).toEqual({ ok: true, input: { a: 1 } });
    expect(version("b")([1], {})).toEqual({ ok: true, input: { b: 1 } });
  });

  test("may refer to itself", () => {
    const bind = binder(t.Object({ tree: t.Recursive((Self) => t.Object({ left: t.Optional(Self) })) }));
    expect(bind([{ left: { left: {} } }], {}).ok).toBe(true);
    expect(faultsOf(bind, [{ left: { left: 1 } }])).toEqual([{ path: "/args/0/left/left", message: "must be object" }]);
  });
});

test("a tuple is checked item by item", () => {
  const bind = binder(t.Object({ point: t.Tuple([t.Number(), t.Number()]) }));
  expect(bind([[1, 2]], {})).toEqual({ ok: true, input: { point: [1, 2] } });
  expect(faultsOf(bind, [[1, "2"]])).toEqual([{ path: "/args/0/1", message: "must be number" }]);
  expect(faultsOf(bind, [[1, 2, 3]])).toHaveLength(1);
});
