import { expect, test } from "bun:test";
import { readTraceparent } from "../../src/domain/traceparent.ts";

const trace = "0af7651916cd43dd8448eb211c80319c";
const span = "b7ad6b7169203331";
const none = (length: number) => "0".repeat(length);

test.each([
  [`00-${trace}-${span}-01`, `00-${trace}-${span}-01`],
  [`00-${trace}-${span}-00`, `00-${trace}-${span}-00`],
  // What a later version says more is not known here.
  [`01-${trace}-${span}-01`, `00-${trace}-${span}-01`],
  [`cc-${trace}-${span}-01-more-of-it`, `00-${trace}-${span}-01`],
])("the header %s is read as %s", (header, read) => {
  expect(readTraceparent(header)).toBe(read);
});

test.each([
  null,
  "",
  "00",
  `00-${trace}-${span}`,
  `00-${trace}-${span}-1`,
  `00-${trace}-${span}-01-more`,
  `ff-${trace}-${span}-01`,
  `00-${none(32)}-${span}-01`,
  `00-${trace}-${none(16)}-01`,
  `00-${trace.toUpperCase()}-${span}-01`,
  `00-${trace}-${span}-01 `,
  `00-${trace}-${span}-01\n`,
  `cc-${trace}-${span}-01\nx`,
  `00-${trace.slice(1)}-${span}-01`,
])("the header %j is ignored", (header) => {
  expect(readTraceparent(header)).toBeNull();
});
