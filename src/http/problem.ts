import { type Static, Type } from "@sinclair/typebox";
import { type ErrorCode, errorCodes, type TaskflowError } from "../domain/error.ts";

/** RFC 9457: how every error reads on the wire. */
export const problemSchema = Type.Object({
  type: Type.String({ description: "A URI that names the kind of problem" }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String({ description: "One sentence for a person" }),
  code: Type.Enum(Object.fromEntries(errorCodes.map((code) => [code, code])) as { [code in ErrorCode]: code }, {
    description: "Stable, for a program",
  }),
  errors: Type.Optional(
    Type.Array(
      Type.Object({
        path: Type.String({ description: "A JSON Pointer into what was sent" }),
        message: Type.String(),
      }),
    ),
  ),
});
export type Problem = Static<typeof problemSchema>;

/** The one place that gives an error its HTTP status. */
const statuses = {
  invalid_json: [400, "Bad Request"],
  invalid_cron: [400, "Bad Request"],
  unauthorized: [401, "Unauthorized"],
  forbidden: [403, "Forbidden"],
  too_many_wrong_keys: [429, "Too Many Requests"],
  not_found: [404, "Not Found"],
  unknown_task: [404, "Not Found"],
  unknown_handler: [404, "Not Found"],
  unknown_periodic_task: [404, "Not Found"],
  method_not_allowed: [405, "Method Not Allowed"],
  task_final: [409, "Conflict"],
  task_not_retryable: [409, "Conflict"],
  periodic_task_declared: [409, "Conflict"],
  body_too_large: [413, "Content Too Large"],
  unsupported_media_type: [415, "Unsupported Media Type"],
  validation_failed: [422, "Unprocessable Content"],
  upgrade_required: [426, "Upgrade Required"],
  queue_full: [429, "Too Many Requests"],
  internal: [500, "Internal Server Error"],
  handler_load_error: [503, "Service Unavailable"],
  store_unavailable: [503, "Service Unavailable"],
} as const satisfies Record<ErrorCode, readonly [number, string]>;

export function problemOf(error: TaskflowError): Problem {
  const [status, title] = statuses[error.code];
  const errors = error.faults.length > 0 ? { errors: [...error.faults] } : {};
  return {
    type: `urn:taskflow:problem:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    ...errors,
  };
}

/** `error` as an `application/problem+json` response. */
export function problemResponse(error: TaskflowError, headers: Readonly<Record<string, string>> = {}): Response {
  const problem = problemOf(error);
  const retryAfter = error.retryAfter === null ? {} : { "retry-after": String(Math.ceil(error.retryAfter)) };
  const challenge = error.code === "unauthorized" ? { "www-authenticate": "Bearer" } : {};
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { ...headers, ...retryAfter, ...challenge, "content-type": "application/problem+json" },
  });
}
