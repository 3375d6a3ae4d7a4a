import { type Static, Type } from "@sinclair/typebox";
import { type Fault, validationFailed } from "../domain/error.ts";
import { priorityNumber, prioritySchema } from "../domain/handler.ts";
import { type Status, statuses } from "../domain/task.ts";
import type { TaskFilter } from "../engine/engine.ts";
import { instant } from "./submission.ts";
import { timeExpected } from "./validation.ts";

/** What tasks have to be, all of it at once: the query of a list, and the `filter` of what is done to many. */
export const filterFields = {
  status: Type.Optional(
    Type.String({ description: `One of ${statuses.join(", ")}, or several with commas between`, examples: ["failed"] }),
  ),
  func_name: Type.Optional(Type.String({ description: "Only tasks of this handler" })),
  priority: Type.Optional(prioritySchema),
  created_after: Type.Optional(Type.String({ format: "date-time", description: "Created then or later" })),
  created_before: Type.Optional(Type.String({ format: "date-time", description: "Created earlier" })),
  error: Type.Optional(
    Type.String({ minLength: 1, maxLength: 500, description: "Within the error's text, in capitals or not" }),
  ),
  periodic_task: Type.Optional(Type.String({ description: "Only tasks that this periodic task created" })),
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: "The beginning of a task's id, from eight digits on; anything else is a part of a handler's name",
    }),
  ),
};

const filterSchema = Type.Object(filterFields, { additionalProperties: false });

/**
 * What a filter that `filterFields` accept asks for.
 * @param at where it lies in what was sent, as a JSON Pointer.
 * @throws TaskflowError `validation_failed`
 */
export function filterFrom(filter: Static<typeof filterSchema>, at = ""): TaskFilter {
  const faults: Fault[] = [];
  const { status, func_name, priority, created_after, created_before, error, periodic_task, q } = filter;
  const given = status?.split(",").map((name) => name.trim());
  const wanted = statuses.filter((name) => given?.includes(name));
  if (given !== undefined && !given.every(isStatus)) {
    faults.push({ path: `${at}/status`, message: `must be one of ${statuses.join(", ")}, or several with commas` });
  }
  const after = created_after === undefined ? undefined : instant(created_after);
  const before = created_before === undefined ? undefined : instant(created_before);
  if (Number.isNaN(after)) faults.push({ path: `${at}/created_after`, message: timeExpected });
  if (Number.isNaN(before)) faults.push({ path: `${at}/created_before`, message: timeExpected });
  if (faults.length > 0) throw validationFailed(faults);
  return {
    ...(given === undefined ? {} : { statuses: wanted }),
    ...(func_name === undefined ? {} : { funcName: func_name }),
    ...(priority === undefined ? {} : { priority: priorityNumber(priority) }),
    ...(after === undefined ? {} : { createdAfter: after }),
    ...(before === undefined ? {} : { createdBefore: before }),
    ...(error === undefined ? {} : { error }),
    ...(periodic_task === undefined ? {} : { periodicTask: periodic_task }),
    ...(q === undefined ? {} : { search: q }),
  };
}

/** A query holds text: what is written as a whole number is one, and the schema says no to the rest. */
export function readNumbers({ query }: { query: Record<string, unknown> }): void {
  for (const name of ["limit", "priority"]) {
    const text = query[name];
    if (typeof text === "string" && /^\d{1,9}$/.test(text)) query[name] = Number(text);
  }
}

function isStatus(name: string): name is Status {
  return statuses.some((status) => status === name);
}
