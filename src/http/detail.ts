import { type TSchema, Type } from "@sinclair/typebox";
import { TaskflowError } from "../domain/error.ts";
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
  422: "A field is invalid or unknown; `errors` lists them, up to a hundred",
  429: "Too many wrong keys came from the address; try again after `Retry-After` seconds",
  503: "Not ready; try again after `Retry-After` seconds",
} as const;

type ErrorStatus = keyof typeof problems;

/** The errors a route answers with, each an `application/problem+json`; those for want of a key are always among them. */
export function errors(...statuses: readonly ErrorStatus[]): Record<number, DocumentedResponse> {
  return openErrors(401, 429, ...statuses);
}

/** The errors of a route that needs no key, whose `security` is empty. */
export function openErrors(...statuses: readonly ErrorStatus[]): Record<number, DocumentedResponse> {
  const all: readonly ErrorStatus[] = [403, ...statuses];
  return Object.fromEntries(all.map((status) => [status, usualRefusal(status)]));
}

/** An error that `errors` has too few words for, with one of its kind to show. */
export function refusal(description: string, error: TaskflowError): DocumentedResponse {
  return { description, content: { "application/problem+json": { schema: problemSchema, example: problemOf(error) } } };
}

/** For a route that takes on work, which has a second reason for a 429. */
export const queueFull: Record<number, DocumentedResponse> = {
  429: withRetryAfter(
    refusal(
      "The queue is full, or too many wrong keys came from the address; try again after `Retry-After` seconds",
      new TaskflowError("queue_full", "The queue is full: 10000 tasks wait."),
    ),
  ),
};

function usualRefusal(status: ErrorStatus): DocumentedResponse {
  const content = { "application/problem+json": { schema: problemSchema } };
  const response = { description: problems[status], content };
  return status === 429 || status === 503 ? withRetryAfter(response) : response;
}

function withRetryAfter(response: DocumentedResponse): DocumentedResponse {
  return withHeader(response, "Retry-After", "Seconds after which to try again");
}
