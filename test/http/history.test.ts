import { expect, test } from "bun:test";
import { problemOf, testApp } from "../support/app.ts";

test("the history has a list for each figure, with one item a step", async () => {
  const { engine, request, submit } = await testApp({ slots: 1 });
  const { task_id } = await submit({ func_name: "echo" });
  await engine.next("task_started", task_id);
  engine.runner.attempts[0]?.end({ kind: "completed", result: null });
  await engine.next("task_completed", task_id);
  const response = await request("/api/v1/metrics/history?minutes=16");
  expect(response.status).toBe(200);
  const gaps = Array(15).fill(null);
  const zeros = Array(16).fill(0);
  const times = [...gaps, 0];
  expect(await response.json()).toEqual({
    from: new Date(engine.clock.now() - 15 * 60_000).toISOString(),
    step: 60,
    func_name: null,
    completed: [...zeros.slice(1), 1],
    failed: zeros,
    cancelled: zeros,
    retried: zeros,
    waiting: [...gaps, 0],
    running: [...gaps, 0],
    wait: { p50: times, p95: times, p99: times },
    run: { p50: times, p95: times, p99: times },
    total: {
      ...{ completed: 1, failed: 0, cancelled: 0, retried: 0 },
      wait: { p50: 0, p95: 0, p99: 0 },
      run: { p50: 0, p95: 0, p99: 0 },
    },
  });
});

test("the history is of one handler, by the hour and by ten seconds", async () => {
  const { request } = await testApp();
  const get = async (query: string) => (await request(`/api/v1/metrics/history${query}`)).json();
  expect(await get("?func_name=echo")).toMatchObject({ step: 60, func_name: "echo", waiting: Array(60).fill(null) });
  expect(await get("?minutes=5")).toMatchObject({ step: 10, func_name: null, completed: Array(30).fill(0) });
});

test.each([
  ["minutes=0", "/minutes"],
  ["minutes=181", "/minutes"],
  ["minutes=soon", "/minutes"],
  ["hours=1", "/hours"],
])("the history refuses ?%s", async (query, path) => {
  const { request } = await testApp();
  const problem = await problemOf(await request(`/api/v1/metrics/history?${query}`));
  expect(problem).toMatchObject({ status: 422, errors: [{ path }] });
});

test("the history of an unknown handler is a 404 with the nearest name", async () => {
  const { request } = await testApp();
  const problem = await problemOf(await request("/api/v1/metrics/history?func_name=ecko"));
  expect(problem).toMatchObject({ status: 404, code: "unknown_handler", detail: expect.stringContaining("echo") });
});
