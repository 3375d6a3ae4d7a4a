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

  const openPaths = routes.filter(needsNoKey).map(({ path }) => path);
  const open = new Set(openPaths);
  /** All that is below a path is one route, and there is no other. */
  const openFolders = openPaths.filter((path) => path.endsWith("/*")).map((path) => path.slice(0, -1));
  const guarded = routes.find(
    (route) => !needsNoKey(route) && openFolders.some((folder) => route.path.startsWith(folder)),
  );
  if (guarded !== undefined) throw new Error(`${guarded.path} needs a key, and all around it needs none`);

  function methods(path: string): readonly string[] {
    return [...new Set(patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))];
  }

  return {
    methods,
    isOpen(url) {
      const path = pathOf(url);
      return open.has(path) || openFolders.some((folder) => path.startsWith(folder));
    },
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
  if (/[:*]/.test(path.replace(/\/\*$/, "")))
    throw new Error(`${path} must be one path, or all below one, to need no key`);
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
