import { Type } from "@sinclair/typebox";
import type { AnyElysia } from "elysia";
import type { Handler } from "../../engine/runner.ts";
import { answer, errors, openErrors } from "../detail.ts";
import { assets } from "./assets.ts";
import { type Content, contentOf, serve } from "./content.ts";
import { withHandlers } from "./handlers.ts";
import { type OpenApi, routeDocument } from "./openapi.ts";
import { docsPage, redocPage, swaggerPage } from "./page.ts";

export interface DocsOptions {
  readonly handlers: () => readonly Handler[];
  /** Rises with every change of `handlers()`; the document is made anew then. */
  readonly generation: () => number;
  readonly version: string;
}

/**
 * A plugin: Swagger UI at `/docs`, ReDoc at `/redoc` and the OpenAPI document at `/docs/json`, of every route of the app
 * that uses it and of every handler. All from local packages: the pages ask nobody but this server.
 */
export function docs({ handlers, generation, version }: DocsOptions) {
  return <App extends AnyElysia>(app: App): App => {
    const document = createDocument(() => routeDocument(app, version), handlers, generation);
    app
      .get("/docs/json", async ({ request }) => serve(request, await document(), revalidated), {
        detail: details.document,
      })
      .get("/docs", () => docsPage(swaggerPage, version), { detail: details.swagger })
      .get("/redoc", () => docsPage(redocPage, version), { detail: details.redoc });
    for (const { name, content } of assets) {
      app.get(`/docs/assets/${name}`, async ({ request }) => serveAsset(request, await content()), {
        detail: { hide: true, security: [] },
      });
    }
    return app;
  };
}

/** The document of now, made anew when the handlers have changed. */
function createDocument(
  routes: () => Promise<OpenApi>,
  handlers: DocsOptions["handlers"],
  generation: DocsOptions["generation"],
): () => Promise<Content> {
  let base: Promise<OpenApi> | null = null;
  let made: { readonly generation: number; readonly content: Content } | null = null;
  return async () => {
    base ??= routes();
    const withoutHandlers = await base;
    const latest = generation();
    if (made?.generation !== latest) {
      const text = JSON.stringify(withHandlers(withoutHandlers, handlers()));
      made = { generation: latest, content: contentOf(new TextEncoder().encode(text), "application/json") };
    }
    return made.content;
  };
}

const revalidated = { "cache-control": "no-cache" };
/** For an address that carries the content's hash. */
const immutable = { "cache-control": "public, max-age=31536000, immutable" };

function serveAsset(request: Request, content: Content): Promise<Response> {
  const isVersioned = new URL(request.url).searchParams.get("v") === content.hash;
  return serve(request, content, isVersioned ? immutable : revalidated);
}

const tags = ["System"];
const html = {
  200: { description: "A page", content: { "text/html": { schema: Type.String() } } },
  ...openErrors(),
};
const openApi = {
  200: answer("The document", Type.Object({}, { additionalProperties: true })),
  304: { description: "It has not changed since `If-None-Match`" },
  ...errors(),
};
const open = { tags, security: [] };
const details = {
  document: { tags, operationId: "getOpenApi", summary: "This description, as OpenAPI 3.1", responses: openApi },
  swagger: { ...open, operationId: "getSwaggerUi", summary: "This description in Swagger UI", responses: html },
  redoc: { ...open, operationId: "getReDoc", summary: "This description in ReDoc", responses: html },
};
