import type { Static } from "@sinclair/typebox";
import type { Task } from "../src/domain/task.ts";
import { newTask } from "../src/engine/submit.ts";
import { submissionFrom, type submissionSchema } from "../src/http/submission.ts";
import { readyHandler } from "../src/runtime/definition.ts";
import addNumbers from "./tasks/add_numbers.ts";

/** What is submitted where submissions are measured. */
export const sum = { func_name: "add_numbers", kwargs: { a: 5, b: 3 } };

/** The task that TaskFlow makes of a body like `sum`, by the same code. */
export function newSum(body: Static<typeof submissionSchema> = sum): Task {
  return newTask(submissionFrom(body), handler, parts);
}

const place = { name: "add_numbers", file: "add_numbers.ts", generation: 1 };
const handler = readyHandler(place, { input: JSON.parse(JSON.stringify(addNumbers.input)) });
const parts = {
  clock: { now: Date.now },
  newId: () => Bun.randomUUIDv7(),
  settings: { defaultMaxRetries: 3, defaultTimeoutMs: 300_000, maxQueueSize: Number.POSITIVE_INFINITY },
};
