import { type Asset, clientScript, clientStyle, icon, redocScript, swaggerScript, swaggerStyle } from "./assets.ts";

/** One of the two tools that show the document. */
export interface Page {
  readonly ui: "swagger" | "redoc";
  readonly path: string;
  readonly styles: readonly Asset[];
  readonly scripts: readonly Asset[];
  /** What it needs beyond the policy of both. */
  readonly policy: Readonly<Record<string, string>>;
}

export const swaggerPage: Page = {
  ui: "swagger",
  path: "/docs",
  styles: [swaggerStyle, clientStyle],
  scripts: [swaggerScript, clientScript],
  policy: {},
};

export const redocPage: Page = {
  ui: "redoc",
  path: "/redoc",
  styles: [clientStyle],
  scripts: [redocScript, clientScript],
  policy: {
    // It adds two style elements: an empty one, which it fills by the DOM, and one for its scroll bars.
    "style-src":
      "'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
    // Its search runs in a worker made from a blob.
    "worker-src": "blob:",
  },
};

/** The page, with a policy that lets it load its own files and nothing else. */
export async function docsPage({ ui, path, styles, scripts, policy }: Page, version: string): Promise<Response> {
  const [iconUrl, styleUrls, scriptUrls] = await Promise.all([
    address(icon),
    Promise.all(styles.map(address)),
    Promise.all(scripts.map(address)),
  ]);
  const link = (to: string, text: string) => `<a href="${to}"${to === path ? ' aria-current="page"' : ""}>${text}</a>`;
  const text = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TaskFlow API</title>
<link rel="icon" href="${iconUrl}">
${styleUrls.map((url) => `<link rel="stylesheet" href="${url}">`).join("\n")}
${scriptUrls.map((url) => `<script src="${url}" defer></script>`).join("\n")}
</head>
<body>
<header>
<strong>TaskFlow</strong> <span>${Bun.escapeHTML(version)}</span>
<nav>${link("/docs", "Swagger UI")} ${link("/redoc", "ReDoc")} ${link("/docs/json", "OpenAPI")}</nav>
</header>
<form id="key" hidden>
<label for="key-text">This server asks for an API key</label>
<input id="key-text" name="key" type="password" autocomplete="off" required>
<button>Show the API</button>
<output></output>
</form>
<main id="ui" data-ui="${ui}"></main>
</body>
</html>
`;
  const directives = { ...basePolicy, ...policy };
  return new Response(text, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-cache",
      "content-security-policy": Object.entries(directives)
        .map(([name, sources]) => `${name} ${sources}`)
        .join("; "),
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
    },
  });
}

/** With the content's hash, so that it may be kept for ever. */
async function address({ name, content }: Asset): Promise<string> {
  return `/docs/assets/${name}?v=${(await content()).hash}`;
}

const basePolicy: Readonly<Record<string, string>> = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self'",
  "img-src": "'self' data:",
  "font-src": "'self' data:",
  "connect-src": "'self'",
  "frame-ancestors": "'none'",
  "base-uri": "'none'",
  "form-action": "'self'",
};
