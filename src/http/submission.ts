import { type Static, Type } from "@sinclair/typebox";
import { type Fault, validationFailed } from "../domain/error.ts";
import { longestSeconds, priorityNumber, prioritySchema } from "../domain/handler.ts";
import type { Origin, Submission } from "../engine/submit.ts";
import { timeExpected } from "./validation.ts";

/** The body of `POST /tasks`. */
export const submissionSchema = Type.Object(
  {
    func_name: Type.String({ minLength: 1, description: "The handler's name" }),
    args: Type.Optional(Type.Array(Type.Unknown(), { description: "Bound to the input's properties in their order" })),
    kwargs: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: "Bound by name" })),
    priority: Type.Optional(prioritySchema),
    max_retries: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, description: "Attempts after the first" })),
    timeout: Type.Optional(
      Type.Union([Type.Number({ exclusiveMinimum: 0, maximum: longestSeconds }), Type.Null()], {
        description: "seconds above 0 that one attempt may take, or null for the default",
      }),
    ),
    delay: Type.Optional(
      Type.Number({ minimum: 0, maximum: longestSeconds, description: "Seconds to wait before it is due" }),
    ),
    run_at: Type.Optional(Type.String({ format: "date-time", description: "When it is due; the past means now" })),
  },
  { additionalProperties: false },
);

/**
 * The submission in a body that `submissionSchema` accepts.
 * @param at where the body lies in what was sent, as a JSON Pointer.
 * @param origin the request that it came by.
 * @throws TaskflowError `validation_failed`
 */
export function submissionFrom(body: Static<typeof submissionSchema>, at = "", origin?: Origin): Submission {
  const faults: Fault[] = [];
  const runAt = body.run_at === undefined ? null : instant(body.run_at);
  if (Number.isNaN(runAt)) faults.push({ path: `${at}/run_at`, message: timeExpected });
  if (runAt !== null && body.delay !== undefined) {
    faults.push({ path: `${at}/delay`, message: "give either delay or run_at, not both" });
  }
  if (faults.length > 0) throw validationFailed(faults);
  return {
    at,
    funcName: body.func_name,
    args: body.args ?? [],
    kwargs: body.kwargs ?? {},
    priority: body.priority === undefined ? null : priorityNumber(body.priority),
    maxRetries: body.max_retries ?? null,
    timeoutMs: body.timeout === undefined || body.timeout === null ? null : body.timeout * 1_000,
    delayMs: (body.delay ?? 0) * 1_000,
    runAt,
    ...(origin === undefined ? {} : { origin }),
  };
}

const timePattern = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)$/;
const latestInstant = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Milliseconds since the epoch, or NaN. The time must say its offset: a guess at the zone would fire at the wrong hour. */
export function instant(text: string): number {
  if (!timePattern.test(text)) return Number.NaN;
  const at = Date.parse(text.replace(" ", "T").toUpperCase());
  return at <= latestInstant ? at : Number.NaN;
}
