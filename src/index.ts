/** What a handler imports as "taskflow". */

export { type Static, Type as t } from "@sinclair/typebox";
export { type AttemptContext, defineTask, type Schedule, type TaskDefinition } from "./domain/handler.ts";
export { PermanentError, RetryAfter } from "./domain/handler-error.ts";
export type { Priority, PriorityName } from "./domain/task.ts";
