import { basename } from "node:path";
import { type Content, contentOf } from "../docs/content.ts";
import page from "./page/index.html";

/** Where the files are served that the page loads. */
const assetsPath = "/dashboard/assets";

/** The page and what it loads. The name of a file carries the hash of what is in it. */
export interface Bundle {
  readonly page: Content;
  readonly assets: ReadonlyMap<string, Content>;
}

interface BuiltFile {
  readonly path: string;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

let bundled: Promise<Bundle> | null = null;

/**
 * Made at the first call, in some 20 ms, and kept: a server whose dashboard nobody opens spends nothing on it, and neither a
 * checkout nor the image has a build step. In an executable (`bun build --compile`) the import above is the finished files.
 */
export function dashboardBundle(): Promise<Bundle> {
  bundled ??= makeBundle().catch((error: unknown) => {
    bundled = null;
    throw error;
  });
  return bundled;
}

async function makeBundle(): Promise<Bundle> {
  const files = page.files?.map(embedded) ?? (await build(page.index));
  const html = files.find(({ path }) => path.endsWith(".html"));
  if (html === undefined) throw new Error("the bundle of the dashboard has no page");
  const assets = files
    .filter((file) => file !== html)
    .map(async (file) => [basename(file.path), await served(file)] as const);
  const text = new TextDecoder().decode(await html.bytes());
  // The bundler writes addresses from the page's folder or from the root, but the page is at more than one address.
  const moved = text.replace(/"\.?\/(chunk-[\w-]+\.(?:js|css))"/g, `"${assetsPath}/$1"`);
  return {
    page: contentOf(new TextEncoder().encode(moved), "text/html; charset=utf-8"),
    assets: new Map(await Promise.all(assets)),
  };
}

function embedded({ path }: { readonly path: string }): BuiltFile {
  return { path, bytes: () => Bun.file(path).bytes() };
}

async function build(index: string): Promise<readonly BuiltFile[]> {
  const { outputs } = await Bun.build({
    entrypoints: [index],
    minify: true,
    target: "browser",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return outputs.map((output) => ({
    path: output.path,
    bytes: async () => new Uint8Array(await output.arrayBuffer()),
  }));
}

async function served(file: BuiltFile): Promise<Content> {
  const type = file.path.endsWith(".css") ? "text/css" : "text/javascript";
  return contentOf(await file.bytes(), `${type}; charset=utf-8`);
}
