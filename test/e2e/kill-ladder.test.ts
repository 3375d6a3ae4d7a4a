import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Watched, watch } from "./watched.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

let watched: Watched;

beforeAll(async () => {
  watched = await watch();
});

afterEach(() => watched.recovers());

afterAll(() => watched?.[Symbol.asyncDispose]());

const stubborn = [
  ["loops", {}],
  ["wasm_loops", {}],
  ["backtracks", {}],
  ["sleeps_sync", {}],
  ["execs_sync", {}],
  ["ignores_sigterm", {}],
  ["never_settles", {}],
  ["leaves_a_process", { how: "kill" }],
  ["floods_and_loops", {}],
] as const;

describe("a handler that", () => {
  test.each(stubborn)("%s is ended by its timeout, and others run on beside it", async (name, kwargs) => {
    const { begin, bystander, client, kills, outcomes } = watched;
    const before = (await kills()).timeout ?? 0;
    const task = await begin(name, kwargs, { timeout: 0.3 });
    await bystander();
    const error = "TimeoutError: Task exceeded its timeout of 0.3s";
    const ended = { status: "failed", error_kind: "timeout", error, result: null };
    expect(await client.final(task.task_id)).toMatchObject(ended);
    expect(await outcomes(task)).toEqual(["timeout"]);
    expect((await kills()).timeout).toBe(before + 1);
  });

  test.each(stubborn)("%s is ended by a cancel, and others run on until then", async (name, kwargs) => {
    const { begin, bystander, client, kills, outcomes } = watched;
    const before = (await kills()).cancelled ?? 0;
    const task = await begin(name, kwargs);
    await bystander();
    await client.post(`/api/v1/tasks/${task.task_id}/cancel`);
    expect(await client.final(task.task_id)).toMatchObject({ status: "cancelled", result: null });
    expect(await outcomes(task)).toEqual(["cancelled"]);
    expect((await kills()).cancelled).toBe(before + 1);
  });
});
