import { type TSchema, Type } from "@sinclair/typebox";
import type { TaskflowError } from "../domain/error.ts";
import { problemOf, problemSchema } from "./problem.ts";

/** An answer as OpenAPI describes it. */
export interface DocumentedResponse {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { description: string; schema: TSchema }>>;
  readonly content?: Readonly<Record<string, { schema: TSchema; example?: unknown }>>;
}

export function answer(description: string, schema: TSchema, example?: unknown): DocumentedResponse {
  return { description, content: { "application/json": { schema, ...(example === undefined ? {} : { example }) } } };
}

/** `response` with a header described. */
export function withHeader(response: DocumentedResponse, name: string, description: string): DocumentedResponse {
  return { ...response, headers: { ...response.headers, [name]: { description, schema: Type.String() } } };
}

const problems = {
  400: "The body is not readable JSON",
  401: "A key is needed, or the one sent is not valid",
  403: "The key, the Host or the Origin does not allow it",
  404: "There is no such thing",
  409: "Its state does not allow it",
  413: "The body is larger than the limit",
  415: "The body is not declared as JSON",
  422: "A field is invalid or unknown; `errors` lists all of them",
  429: "The queue is full; try again after `Retry-After` seconds",
  503: "Not ready; try again after `Retry-After` seconds",
} as const;

/** An error that `errors` has too few words for, with one of its kind to show. */
export function refusal(description: string, error: TaskflowError): DocumentedResponse {
  return { description, content: { "application/problem+json": { schema: problemSchema, example: problemOf(error) } } };
}

/** The errors a route answers with, each an `application/problem+json`; 401 and 403 are always among them. */
export function errors(...statuses: readonly (keyof typeof problems)[]): Record<number, DocumentedResponse> {
  return Object.fromEntries(
    [401, 403, ...statuses].toSorted().map((status) => [
      status,
      {
        description: problems[status as keyof typeof problems],
        content: { "application/problem+json": { schema: problemSchema } },
      },
    ]),
  );
}
