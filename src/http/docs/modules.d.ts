/** What the imports of this folder are that bring no types of their own. A file imported with `{ type: "file" }` is its path, inside an executable too. */

declare module "swagger-ui-dist/*" {
  const path: string;
  export default path;
}

declare module "redoc/bundles/*" {
  const path: string;
  export default path;
}

declare module "*/client.css" {
  const path: string;
  export default path;
}

declare module "*/client.js" {
  const path: string;
  export default path;
}

declare module "openapi-sampler" {
  /** A value for `schema`; references are looked up in `document`. */
  export function sample(
    schema: object,
    options: { readonly quiet?: boolean; readonly enablePatterns?: boolean },
    document: object,
  ): unknown;
}
