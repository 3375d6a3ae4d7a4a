import { expect, test } from "bun:test";
import type { Task } from "../../src/domain/task.ts";
import { problemOf, type TestApp, testApp } from "../support/app.ts";
import { aTask } from "../support/tasks.ts";

const hourMs = 3_600_000;

async function failed(
  { engine }: TestApp,
  agoMs: number,
  error: string | null,
  more: Partial<Task> = {},
): Promise<string> {
  const task = aTask({
    ...{ status: "failed", funcName: "echo", error, errorKind: "handler", completedAt: engine.clock.now() - agoMs },
    ...more,
  });
  await engine.store.insert([task], Number.POSITIVE_INFINITY);
  return task.id;
}

const get = async ({ request }: TestApp, query = "") => (await request(`/api/v1/metrics/failures${query}`)).json();

test("groups what failed by error and handler, the largest first, with the last task of each", async () => {
  const app = await testApp();
  await failed(app, 3_000, "Error: no answer in 5 s");
  const last = await failed(app, 1_000, "Error: no answer in 30 s\nmore");
  await failed(app, 2_000, "Error: no answer in 7 s");
  await failed(app, 4_000, "Error: no answer in 5 s", { funcName: "other" });
  await failed(app, 25 * hourMs, "Error: no answer in 5 s");
  await failed(app, 1_000, "Error: cancelled", { status: "cancelled" });
  await failed(app, 5_000, null, { errorKind: null });
  const at = (agoMs: number) => new Date(app.engine.clock.now() - agoMs).toISOString();
  const groups = [
    {
      ...{ error: "Error: no answer in … s", error_kind: "handler", func_name: "echo", count: 3 },
      ...{ first_at: at(3_000), last_at: at(1_000), last_task_id: last, last_error: "Error: no answer in 30 s" },
    },
    { func_name: "other", count: 1 },
    { error: "", error_kind: null, count: 1 },
  ];
  expect(await get(app)).toMatchObject({ hours: 24, looked_at: 5, more: false, groups });
  expect(await get(app, "?hours=26")).toMatchObject({ looked_at: 6, groups: [{ count: 4 }, {}, {}] });
});

test("looks at the latest 2,000 and says that there are more", async () => {
  const app = await testApp();
  const completedAt = app.engine.clock.now();
  const tasks = Array.from({ length: 2_001 }, (_, n) =>
    aTask({ status: "failed", error: n === 0 ? "Error: first" : "Error: no", completedAt: completedAt - 2_001 + n }),
  );
  await app.engine.store.insert(tasks, Number.POSITIVE_INFINITY);
  expect(await get(app)).toMatchObject({
    looked_at: 2_000,
    more: true,
    groups: [{ error: "Error: no", count: 2_000 }],
  });
});

test.each(["hours=0", "hours=721", "hours=x"])("refuses ?%s", async (query) => {
  const { request } = await testApp();
  const problem = await problemOf(await request(`/api/v1/metrics/failures?${query}`));
  expect(problem).toMatchObject({ status: 422, errors: [{ path: "/hours" }] });
});
