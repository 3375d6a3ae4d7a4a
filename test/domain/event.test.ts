import { expect, test } from "bun:test";
import { eventFor } from "../../src/domain/event.ts";
import { statuses } from "../../src/domain/task.ts";

test("every status has its event", () => {
  expect(statuses.map((status) => [status, eventFor(status)])).toEqual([
    ["pending", "task_queued"],
    ["queued", "task_queued"],
    ["running", "task_started"],
    ["retrying", "task_retrying"],
    ["completed", "task_completed"],
    ["failed", "task_failed"],
    ["cancelled", "task_cancelled"],
  ]);
});
