import { promisify } from "node:util";
import { gzip } from "node:zlib";

/** Bytes to serve, with what HTTP needs to know of them. Compressed once, when first asked for. */
export interface Content {
  readonly type: string;
  readonly hash: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  gzipped(): Promise<Uint8Array<ArrayBuffer>>;
}

export function contentOf(bytes: Uint8Array<ArrayBuffer>, type: string): Content {
  let gzipped: Promise<Uint8Array<ArrayBuffer>> | null = null;
  return {
    type,
    bytes,
    hash: Bun.hash.xxHash64(bytes).toString(36),
    gzipped() {
      gzipped ??= compress(bytes);
      return gzipped;
    },
  };
}

/** The answer to a GET: compressed if the client takes that, empty (304) if it has the same already. */
export async function serve(
  request: Request,
  content: Content,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const takesGzip = acceptsGzip(request.headers.get("accept-encoding") ?? "");
  const etag = `"${content.hash}${takesGzip ? "-gzip" : ""}"`;
  const all = { ...headers, etag, vary: "Accept-Encoding, Origin", "x-content-type-options": "nosniff" };
  if (isKnown(request.headers.get("if-none-match") ?? "", etag))
    return new Response(null, { status: 304, headers: all });
  const body = takesGzip ? await content.gzipped() : content.bytes;
  const encoding = takesGzip ? { "content-encoding": "gzip" } : {};
  return new Response(body, { headers: { ...all, ...encoding, "content-type": content.type } });
}

const compress = promisify<Uint8Array, Uint8Array<ArrayBuffer>>(gzip);

function acceptsGzip(header: string): boolean {
  return header.split(",").some((coding) => {
    const [name = "", ...parameters] = coding.split(";").map((part) => part.trim().toLowerCase());
    return (name === "gzip" || name === "*") && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

function isKnown(header: string, etag: string): boolean {
  const known = header.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return known.includes(etag) || known.includes("*");
}
