import { describe, expect, test } from "bun:test";
import { Type as t } from "@sinclair/typebox";
import { readyHandler } from "../../src/runtime/definition.ts";
import { OptionError, placeOf } from "../../src/runtime/option-error.ts";
import { shared } from "./harness.ts";

const basic = shared("basic");
const broken = shared("broken", { numWorkers: 0 });
const input = JSON.parse(JSON.stringify(t.Object({ a: t.Number(), b: t.Number({ default: 1 }) })));

/** What a handler `sum` with these options declares. */
const declaredBy = (schedule: unknown, options: object = {}) =>
  readyHandler({ name: "sum", file: "sum.ts", generation: 1 }, { ...options, schedule }).schedules;

function refusalOf(schedule: unknown, options: object = {}, name = "sum"): OptionError {
  try {
    readyHandler({ name, file: "sum.ts", generation: 1 }, { ...options, schedule });
  } catch (error) {
    if (error instanceof OptionError) return error;
    throw error;
  }
  throw new Error("it is taken");
}

describe("the schedule of a handler", () => {
  test("may be an expression alone: then it has the handler's name, and all else is the default", () => {
    expect(declaredBy("0 2 * * *")).toEqual([
      {
        name: "sum",
        funcName: "sum",
        cronExpression: "0 2 * * *",
        timezone: "UTC",
        args: [],
        kwargs: {},
        priority: null,
        maxRetries: null,
        timeoutMs: null,
        overlap: "skip",
        catchUp: "latest",
      },
    ]);
  });

  test("may be one object or a list, of which one may go without a name", () => {
    expect(declaredBy({ cron: "@daily", name: "daily" })).toMatchObject([{ name: "daily" }]);
    const names = declaredBy([{ cron: "@daily", name: "a" }, { cron: "@daily" }]).map(({ name }) => name);
    expect(names).toEqual(["a", "sum"]);
    expect(declaredBy([])).toEqual([]);
    expect(readyHandler({ name: "sum", file: "sum.ts", generation: 1 }, {}).schedules).toEqual([]);
  });

  test("is known to the server as the file says it, in the server's units", async () => {
    const { catalog, result } = await basic();
    const handler = catalog.find("scheduled");
    if (handler?.status !== "ready") throw new Error("it does not load");
    expect(handler.schedules).toMatchObject([
      {
        name: "scheduled",
        cronExpression: "30 2 * * *",
        timezone: "Europe/Berlin",
        kwargs: { kind: "nightly" },
        priority: null,
      },
      {
        name: "weekly",
        funcName: "scheduled",
        cronExpression: "@weekly",
        kwargs: { kind: "weekly", limit: 99 },
        overlap: "replace",
        catchUp: "all",
        priority: 3,
        maxRetries: 0,
        timeoutMs: 1_500,
      },
    ]);
    expect(await result("scheduled", { kind: "x", limit: 1 })).toBe("x 1");
  });

  test("leaves defaults of the input to the submission", () => {
    expect(declaredBy({ cron: "@daily", input: { a: 1 } }, { input })).toMatchObject([{ kwargs: { a: 1 } }]);
  });
});

describe("a schedule that is wrong", () => {
  test.each<[unknown, string]>([
    [5, "option 'schedule': must be a cron expression, an object that has one as `cron`, or a list of such objects"],
    [null, "option 'schedule': must be a cron expression, an object that has one as `cron`, or a list of such objects"],
    ["0 25 * * *", "option 'schedule': The hour '25' is wrong: it is from 0 to 23."],
    ["", expect.stringContaining("option 'schedule': A cron expression has five or six fields, not 0")],
    [{}, "option 'schedule.cron' is required"],
    [
      { cron: "0 0 30 2 *" },
      "option 'schedule.cron': '0 0 30 2 *' never comes due: its months end on day 29 at the latest.",
    ],
    [
      { cron: "@daily", timezone: "Berlin" },
      expect.stringMatching(/^option 'schedule.timezone': There is no time zone 'Berlin'.*'Europe\/Berlin'\?$/),
    ],
    [{ cron: "@daily", catchup: "all" }, "unknown option 'schedule.catchup'. Did you mean 'catchUp'?"],
    [
      { cron: "@daily", tz: "UTC" },
      "unknown option 'schedule.tz'. It takes name, cron, timezone, input, overlap, catchUp, timeout, maxRetries, priority.",
    ],
    [[{ cron: "@daily" }, "@weekly"], `option 'schedule.1': expected object, got "@weekly"`],
    [{ cron: "@daily", overlap: "queue" }, `option 'schedule.overlap': must be skip, allow or replace, got "queue"`],
    [{ cron: "@daily", catchUp: true }, "option 'schedule.catchUp': must be latest, none or all, got true"],
    [{ cron: "@daily", timeout: 0 }, "option 'schedule.timeout': expected number to be greater than 0, got 0"],
    [{ cron: "@daily", name: "a/b" }, "option 'schedule.name': it has a slash in it"],
    [
      [{ cron: "@daily" }, { cron: "@weekly" }],
      "option 'schedule.1.name': 'sum' is the name of another one: each of a list has a name of its own, and one without has the handler's",
    ],
  ])("says why: %j", (schedule, message) => {
    expect(refusalOf(schedule).message).toEqual(message);
  });

  test("by its input is refused as a submission of it would be", () => {
    expect(refusalOf("@daily", { input }).message).toBe("option 'schedule.input.a': missing required 'a'");
    const { message } = refusalOf([{ cron: "@daily", input: { a: 1, c: 2 } }], { input });
    expect(message).toBe("option 'schedule.0.input.c': unexpected argument 'c'. It takes a, b.");
  });

  test("by the handler's name, which no address can hold, asks for one", () => {
    const { message } = refusalOf("@daily", {}, "x".repeat(201));
    expect(message).toBe("option 'schedule.name': the handler's own name is longer than 200 characters");
  });

  test("keeps its file from loading, with the line where it stands", async () => {
    const { catalog } = await broken();
    expect(catalog.find("wrong_cron")).toMatchObject({
      status: "load_error",
      error: {
        message: "option 'schedule.1.cron': '0 0 30 2 *' never comes due: its months end on day 29 at the latest.",
        file: "wrong_cron.ts",
        line: 7,
        column: 28,
      },
    });
  });
});

describe("the place of what is wrong", () => {
  const source = '// 5 *\nconst every = "5 *";\nexport default {\n  schedule: { cron: every },\n  run() {},\n};\n';

  test("is that of the last word that is found, each after the one before", () => {
    expect(placeOf(source, ["schedule", "cron"])).toEqual({ line: 4, column: 15 });
    expect(placeOf(source, ["schedule", "5 *"])).toEqual({ line: 4, column: 3 });
    expect(placeOf(source, ["5 *"])).toEqual({ line: 1, column: 4 });
  });

  test("is unknown when none is there", () => {
    expect(placeOf(source, ["timetable", "cron"])).toBeNull();
  });
});
