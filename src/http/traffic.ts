import { createHistogram, type Histogram } from "../domain/histogram.ts";

/** What came over HTTP by one method on one route, since the start. */
export interface RouteTraffic {
  /** Answers by the first digit of their status. */
  readonly classes: readonly number[];
  /** From the request's arrival to its answer, in seconds. */
  readonly seconds: Histogram;
}

/** Counts and times requests. */
export interface Traffic {
  /** @param route as the router knows it, so that there are only so many; undefined when none took the request. */
  answered(method: string, route: string | undefined, status: number, seconds: number): void;
  /** By route, then by method. */
  readonly routes: ReadonlyMap<string, ReadonlyMap<string, RouteTraffic>>;
}

/** The route of what came to none: an unknown path, or a refusal before the router looked. */
export const noRoute = "none";

const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const boundsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Counted extends RouteTraffic {
  readonly classes: number[];
}

export function createTraffic(): Traffic {
  const routes = new Map<string, Map<string, Counted>>();

  function countedFor(method: string, route: string): Counted {
    const known = routes.get(route)?.get(method);
    if (known !== undefined) return known;
    // A method is whatever the client writes.
    if (!knownMethods.has(method) && method !== "other") return countedFor("other", route);
    const counted: Counted = { classes: [0, 0, 0, 0, 0, 0], seconds: createHistogram(boundsSeconds) };
    const methods = routes.get(route) ?? new Map<string, Counted>();
    routes.set(route, methods.set(method, counted));
    return counted;
  }

  return {
    routes,
    answered(method, route, status, seconds) {
      const { classes, seconds: histogram } = countedFor(method, route ?? noRoute);
      const digit = Math.floor(status / 100);
      classes[digit] = (classes[digit] ?? 0) + 1;
      histogram.observe(seconds);
    },
  };
}
