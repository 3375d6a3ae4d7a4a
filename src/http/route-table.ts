import { TaskflowError } from "../domain/error.ts";
import { problemResponse } from "./problem.ts";

interface Route {
  readonly method: string;
  readonly path: string;
}

/** Answers for the router when it finds nothing, since it does not tell which methods a path takes. */
export interface RouteTable {
  /** The methods that a path takes; none for an unknown path. */
  methods(path: string): readonly string[];
  /** A 405 with `Allow`, or a 404. */
  refuse(request: Request): Response;
}

export function createRouteTable(routes: readonly Route[]): RouteTable {
  const patterns = routes.map(({ method, path }) => ({
    method: method === "WS" ? "GET" : method,
    pattern: patternOf(path),
  }));

  function methods(path: string): readonly string[] {
    return [...new Set(patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))];
  }

  return {
    methods,
    refuse({ method, url }) {
      const path = new URL(url).pathname;
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

/** Elysia's `:name` stands for one segment; a trailing slash makes no difference. */
function patternOf(path: string): RegExp {
  const source = path
    .replace(/\/$/, "")
    .split("/")
    .map((segment) => (segment.startsWith(":") ? "[^/]+" : segment.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")))
    .join("/");
  return new RegExp(`^${source}/?$`);
}
