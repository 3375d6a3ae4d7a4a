/** Where in a trace something stands, as the W3C's header of that name says it: `00-TRACE-SPAN-FLAGS`. */
export type Traceparent = string;

const shape = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const nothing = /^0+$/;

/** What such a header says, in the form of version 00; null for none and for one that is not valid. */
export function readTraceparent(header: string | null): Traceparent | null {
  const [, version, trace = "", span = "", flags = "", more] = shape.exec(header ?? "") ?? [];
  if (version === undefined || version === "ff" || nothing.test(trace) || nothing.test(span)) return null;
  // A later version may say more; what the first says stays as it is.
  if (version === "00" && more !== undefined) return null;
  return `00-${trace}-${span}-${flags}`;
}
