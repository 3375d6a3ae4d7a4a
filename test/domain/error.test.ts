import { expect, test } from "bun:test";
import { TaskflowError, unknownTask, validationFailed } from "../../src/domain/error.ts";
import { PermanentError, RetryAfter } from "../../src/domain/handler-error.ts";

test("the sentence of a failed validation names the first fault and counts the others", () => {
  const first = { path: "/kwargs/a", message: "must be number" };
  expect(validationFailed([first]).message).toBe("/kwargs/a: must be number");
  const both = validationFailed([first, { path: "/kwargs/b", message: "must be number" }]);
  expect(both).toMatchObject({ code: "validation_failed", message: "/kwargs/a: must be number (and 1 more)" });
  expect(both.faults).toHaveLength(2);
});

test("a fault of the whole needs no place", () => {
  expect(validationFailed([{ path: "", message: "must be an object" }]).message).toBe("must be an object");
});

test("an unknown task is named by no more of its id than a person reads", () => {
  expect(unknownTask("x".repeat(5_000)).message).toBe(`There is no task '${"x".repeat(100)}'.`);
});

test("an error keeps its code, its cause and when to come back", () => {
  const cause = new Error("disk full");
  const error = new TaskflowError("store_unavailable", "The store refuses", { retryAfter: 1, cause });
  expect(error).toMatchObject({ name: "TaskflowError", code: "store_unavailable", retryAfter: 1, faults: [], cause });
  expect(new TaskflowError("internal", "?").retryAfter).toBeNull();
});

test("RetryAfter takes seconds from 0 on and nothing else", () => {
  expect(new RetryAfter(0)).toMatchObject({ name: "RetryAfter", seconds: 0, message: "retry in 0s" });
  expect(new RetryAfter(1.5, "busy")).toMatchObject({ seconds: 1.5, message: "busy" });
  for (const seconds of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => new RetryAfter(seconds)).toThrow(RangeError);
  }
});

test("the errors that handlers throw know their names", () => {
  expect(new PermanentError("no").name).toBe("PermanentError");
  expect(new PermanentError("no")).toBeInstanceOf(Error);
});
