import { TaskflowError } from "../domain/error.ts";
import { problemResponse } from "./problem.ts";

interface Route {
  readonly method: string;
  readonly path: string;
  readonly hooks: object;
}

/** What the router does not tell of its routes: who needs a key, and which methods a path takes when it finds nothing. */
export interface RouteTable {
  /** The methods that a path takes; none for an unknown path. */
  methods(path: string): readonly string[];
  /** Whether a URL is that of a route which needs no key: one whose `detail` has an empty `security`. */
  isOpen(url: string): boolean;
  /** A 405 with `Allow`, or a 404. */
  refuse(method: string, path: string): Response;
}

export function createRouteTable(routes: readonly Route[]): RouteTable {
  const patterns = routes.map(({ method, path }) => ({
    method: method === "WS" ? "GET" : method,
    pattern: patternOf(path),
  }));

  const open = new Set(routes.filter(needsNoKey).map(({ path }) => path));

  function methods(path: string): readonly string[] {
    return [...new Set(patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))];
  }

  return {
    methods,
    isOpen: (url) => open.has(pathOf(url)),
    refuse(method, path) {
      const allow = methods(path).join(", ");
      const shown = path.slice(0, 200);
      if (allow === "") {
        return problemResponse(
          new TaskflowError("not_found", `There is nothing at ${shown}. See /docs for what there is.`),
        );
      }
      const error = new TaskflowError("method_not_allowed", `${shown} takes ${allow}, not ${method}.`);
      return problemResponse(error, { allow });
    },
  };
}

/** The path as the router takes it, from the host to the query, but for a slash at its end. */
function pathOf(url: string): string {
  const start = url.indexOf("/", "http://".length);
  const query = url.indexOf("?", start);
  const path = url.slice(start, query < 0 ? undefined : query);
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/** As OpenAPI has it: `security` of a route goes before that of the document, and an empty one asks for nothing. */
function needsNoKey({ path, hooks }: Route): boolean {
  const detail = "detail" in hooks ? Object(hooks.detail) : {};
  if (!Array.isArray(detail.security) || detail.security.length > 0) return false;
  if (path.includes(":") || path.includes("*")) throw new Error(`${path} must be one path to need no key`);
  return true;
}

/** Elysia's `:name` stands for one segment; a trailing slash makes no difference. */
function patternOf(path: string): RegExp {
  const source = path
    .replace(/\/$/, "")
    .split("/")
    .map((segment) => (segment.startsWith(":") ? "[^/]+" : segment.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")))
    .join("/");
  return new RegExp(`^${source}/?$`);
}
