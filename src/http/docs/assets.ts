import redocScriptPath from "redoc/bundles/redoc.standalone.js" with { type: "file" };
import iconPath from "swagger-ui-dist/favicon-32x32.png" with { type: "file" };
import swaggerStylePath from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import swaggerScriptPath from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import clientStylePath from "./client.css" with { type: "file" };
import clientScriptPath from "./client.js" with { type: "file" };
import { type Content, contentOf } from "./content.ts";

/** A file that the pages of the documentation load. */
export interface Asset {
  readonly name: string;
  /** Read when first asked for. */
  content(): Promise<Content>;
}

const css = "text/css; charset=utf-8";
const javascript = "text/javascript; charset=utf-8";

export const swaggerStyle = asset("swagger-ui.css", css, () => Bun.file(swaggerStylePath).bytes());
export const swaggerScript = asset("swagger-ui-bundle.js", javascript, () => Bun.file(swaggerScriptPath).bytes());
export const redocScript = asset("redoc.standalone.js", javascript, async () => {
  const text = await Bun.file(redocScriptPath).text();
  // The one thing in it that asks another host: the logo of its maker, which is left out when it does not load.
  return new TextEncoder().encode(text.replaceAll("https://cdn.redoc.ly/redoc/logo-mini.svg", "data:,"));
});
export const icon = asset("favicon-32x32.png", "image/png", () => Bun.file(iconPath).bytes());
export const clientStyle = asset("docs-client.css", css, () => Bun.file(clientStylePath).bytes());
export const clientScript = asset("docs-client.js", javascript, () => Bun.file(clientScriptPath).bytes());

export const assets: readonly Asset[] = [swaggerStyle, swaggerScript, redocScript, icon, clientStyle, clientScript];

function asset(name: string, type: string, read: () => Promise<Uint8Array<ArrayBuffer>>): Asset {
  let content: Promise<Content> | null = null;
  return {
    name,
    content() {
      content ??= read().then((bytes) => contentOf(bytes, type));
      return content;
    },
  };
}
