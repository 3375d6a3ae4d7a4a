import { expect, test } from "bun:test";
import { type Filter, fits, wireFilter } from "../../../../src/http/dashboard/page/tasks/filter.ts";
import type { Task } from "../../../../src/http/dashboard/page/wire.ts";

const now = Date.parse("2026-01-31T09:00:00Z");
const task: Task = {
  task_id: "0198c5a8-7d3e-7c4f-9a51-2f1f0c6b8e21",
  func_name: "send_email",
  args: [],
  kwargs: {},
  status: "failed",
  priority: 1,
  created_at: "2026-01-31T08:30:00.000Z",
  run_at: "2026-01-31T08:30:00.000Z",
  started_at: null,
  completed_at: null,
  result: null,
  error: "Error: Connection refused",
  error_kind: "handler",
  retry_count: 0,
  max_retries: 3,
  timeout: 300,
  progress: null,
  periodic_task: "nightly",
  scheduled_for: null,
};

test.each<[Filter, boolean]>([
  [{}, true],
  [{ status: "failed,queued" }, true],
  [{ status: "queued" }, false],
  [{ func_name: "send" }, false],
  [{ priority: "high" }, true],
  [{ priority: "1" }, true],
  [{ priority: "low" }, false],
  [{ within: "3600" }, true],
  [{ within: "900" }, false],
  [{ created_after: "2026-01-31T08:30:00Z", created_before: "2026-01-31T08:30:01Z" }, true],
  [{ created_before: "2026-01-31T08:30:00Z" }, false],
  [{ error: "connection REFUSED" }, true],
  [{ error: "timeout" }, false],
  [{ q: "0198c5a8" }, true],
  [{ q: "EMAIL" }, true],
  [{ q: "sms" }, false],
  [{ periodic_task: "nightly", status: "failed" }, true],
  [{ periodic_task: "hourly" }, false],
])("%j fits: %p", (filter, isFitting) => {
  expect(fits(task, filter, now)).toBe(isFitting);
});

test("a time up to now is asked for as the time that it begins at", () => {
  expect(wireFilter({ within: "3600", q: "x" }, now)).toEqual({ q: "x", created_after: "2026-01-31T08:00:00.000Z" });
  expect(wireFilter({ within: "much" }, now)).toEqual({});
});
