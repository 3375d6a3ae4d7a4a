import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { TaskflowError } from "../../domain/error.ts";
import { answer, errors, openErrors } from "../detail.ts";
import { serve } from "../docs/content.ts";
import { noQuery } from "../validation.ts";
import { dashboardBundle } from "./bundle.ts";

export interface DashboardOptions {
  /** Whether who sends the request may change things. */
  readonly mayWrite: (request: Request) => boolean;
}

/** The dashboard: one page at `/dashboard` and at every address below it, which the page itself tells apart. */
export function dashboard({ mayWrite }: DashboardOptions) {
  return new Elysia({ normalize: false })
    .get("/dashboard", async ({ request }) => await servePage(request), { detail: details.page })
    .get(
      "/dashboard/*",
      async ({ request, params: { "*": path } }) => {
        const asset = /^assets\/([\w.-]+)$/.exec(path)?.[1];
        return asset === undefined ? await servePage(request) : await serveAsset(request, asset);
      },
      { detail: { hide: true, security: [] } },
    )
    .get("/api/v1/access", ({ request }) => ({ may_write: mayWrite(request) }), {
      query: noQuery,
      detail: details.access,
    });
}

async function servePage(request: Request): Promise<Response> {
  const { page } = await dashboardBundle();
  return serve(request, page, pageHeaders);
}

async function serveAsset(request: Request, name: string): Promise<Response> {
  const { assets } = await dashboardBundle();
  const asset = assets.get(name);
  if (asset === undefined) {
    throw new TaskflowError("not_found", "The dashboard has no such file: load the page again.");
  }
  return serve(request, asset, immutable);
}

/** The page may load its own files and talk to its own server, and nothing else. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
];

const pageHeaders = {
  "cache-control": "no-cache",
  "content-security-policy": policy.join("; "),
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
};
/** For an address that carries the content's hash. */
const immutable = { "cache-control": "public, max-age=31536000, immutable" };

const tags = ["System"];
const details = {
  page: {
    tags,
    operationId: "getDashboard",
    summary: "The dashboard",
    security: [],
    responses: {
      200: { description: "A page", content: { "text/html": { schema: Type.String() } } },
      304: { description: "It has not changed since `If-None-Match`" },
      ...openErrors(),
    },
  },
  access: {
    tags,
    operationId: "getAccess",
    summary: "What the key that was sent allows",
    responses: {
      200: answer(
        "For this request",
        Type.Object({ may_write: Type.Boolean({ description: "Whether it may change things, or only read" }) }),
        { may_write: true },
      ),
      ...errors(422),
    },
  },
};
