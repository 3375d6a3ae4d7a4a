import { afterEach, describe, expect, mock, spyOn, test } from "bun:test";
import { PermanentError } from "taskflow";
import addNumbers from "../../tasks/add_numbers.ts";
import helloWorld from "../../tasks/hello_world.ts";
import processData from "../../tasks/process_data.ts";
import randomFailure from "../../tasks/random_failure.ts";
import slowTask from "../../tasks/slow_task.ts";
import { failureOf, fakeContext } from "./context.ts";

afterEach(() => mock.restore());

describe("hello_world", () => {
  test("greets by name, in its result and in its log", () => {
    const context = fakeContext();
    expect(helloWorld.run({ name: "Ada" }, context)).toBe("Greeted Ada");
    expect(context.lines).toEqual(["info: Hello, Ada!"]);
  });
});

describe("add_numbers", () => {
  test("adds", () => {
    expect(addNumbers.run({ a: 5, b: 3 }, fakeContext())).toBe(8);
    expect(addNumbers.run({ a: -0.5, b: 0.25 }, fakeContext())).toBe(-0.25);
  });

  test("fails for good when JSON cannot hold the sum", async () => {
    expect(await failureOf(() => addNumbers.run({ a: 1e308, b: 1e308 }, fakeContext()))).toBeInstanceOf(PermanentError);
  });
});

describe("slow_task", () => {
  test("sleeps for the whole duration and reports progress up to the end", async () => {
    const context = fakeContext();
    expect(await slowTask.run({ duration: 5 }, context)).toBe("Slept for 5 seconds");
    expect(context.sleeps.reduce((sum, ms) => sum + ms, 0)).toBe(5000);
    expect(context.fractions).toEqual([...context.fractions].sort((a, b) => a - b));
    expect(context.fractions.at(-1)).toBe(1);
  });

  test("ends in the midst of it when it is told to", async () => {
    const context = fakeContext({
      onSleep: (_, { sleeps, abort }) => {
        if (sleeps.length === 3) abort(new Error("cancelled"));
      },
    });
    expect((await failureOf(() => slowTask.run({ duration: 5 }, context))).message).toBe("cancelled");
    expect(context.sleeps).toHaveLength(3);
    expect(context.fractions).toHaveLength(2);
  });
});

describe("random_failure", () => {
  test("fails below its rate and succeeds from it on", async () => {
    const random = spyOn(Math, "random").mockReturnValue(0.29);
    const failure = await failureOf(() => randomFailure.run({ failure_rate: 0.3 }, fakeContext()));
    expect(failure).not.toBeInstanceOf(PermanentError);
    random.mockReturnValue(0.3);
    expect(randomFailure.run({ failure_rate: 0.3 }, fakeContext({ attempt: 2 }))).toBe("Succeeded on attempt 2 of 4");
  });

  test("never fails at 0 and always at 1", async () => {
    const random = spyOn(Math, "random").mockReturnValue(0);
    expect(randomFailure.run({ failure_rate: 0 }, fakeContext())).toContain("Succeeded");
    random.mockReturnValue(1 - Number.EPSILON);
    expect((await failureOf(() => randomFailure.run({ failure_rate: 1 }, fakeContext()))).message).toContain(
      "rate of 1",
    );
  });
});

describe("process_data", () => {
  const doubled = (data: unknown) => processData.run({ data }, fakeContext());

  test("doubles every number, however deep", () => {
    expect(doubled({ a: 1, b: [2, { c: -3.5 }, [[4]]] })).toEqual({ a: 2, b: [4, { c: -7 }, [[8]]] });
    expect(doubled(21)).toBe(42);
    expect(doubled([])).toEqual([]);
  });

  test("leaves everything else as it is", () => {
    const data = { text: "12", yes: true, nothing: null, empty: {}, 7: "seven" };
    expect(doubled(data)).toEqual(data);
  });

  test("keeps keys that mean something to JavaScript", () => {
    const data = '{"__proto__":{"x":1},"constructor":2}';
    expect(JSON.stringify(doubled(JSON.parse(data)))).toBe('{"__proto__":{"x":2},"constructor":4}');
  });

  test("fails for good when JSON cannot hold the double", async () => {
    expect(await failureOf(() => doubled([1e308]))).toBeInstanceOf(PermanentError);
  });
});
