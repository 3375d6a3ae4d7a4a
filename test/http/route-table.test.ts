import { expect, test } from "bun:test";
import { createRouteTable } from "../../src/http/route-table.ts";

const open = { detail: { security: [] } };
const route = (path: string, hooks: object = {}) => ({ method: "GET", path, hooks });

test("all below a path may need no key, and nothing beside it", () => {
  const { isOpen } = createRouteTable([route("/page", open), route("/page/*", open), route("/pages"), route("/api/*")]);
  const paths = [
    "/page",
    "/page/",
    "/page/a/b",
    "/page?x=/page/",
    "/pages",
    "/pagex/y",
    "/api/page/x",
    "/",
    "//page/x",
  ];
  expect(paths.filter((path) => isOpen(`http://localhost${path}`))).toEqual([
    "/page",
    "/page/",
    "/page/a/b",
    "/page?x=/page/",
  ]);
});

test("no route that needs a key may lie where none is needed", () => {
  expect(() => createRouteTable([route("/page/*", open), route("/page/secret")])).toThrow("/page/secret needs a key");
});

test("of a path with a part that is named, it cannot be said that it needs no key", () => {
  expect(() => createRouteTable([route("/page/:name", open)])).toThrow("must be one path");
});
