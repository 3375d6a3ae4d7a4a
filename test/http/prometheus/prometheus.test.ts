import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { metrics } from "../../../src/http/prometheus/metrics.ts";
import { createTraffic } from "../../../src/http/traffic.ts";
import { type TestApp, testApp } from "../../support/app.ts";
import { type Family, lint, parseMetrics } from "../../support/prometheus.ts";

async function scrape({ request }: Pick<TestApp, "request">): Promise<readonly Family[]> {
  const response = await request("/metrics");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parseMetrics(await response.text());
}

/** The value of the one sample with that name and these labels; undefined when there is none. */
function value(families: readonly Family[], name: string, labels: Record<string, string> = {}): number | undefined {
  const samples = families.flatMap((family) => family.samples).filter((sample) => sample.name === name);
  const fits = samples.filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value));
  if (fits.length > 1) throw new Error(`${name} has ${fits.length} samples with ${JSON.stringify(labels)}`);
  return fits[0]?.value;
}

/** Something of everything: tasks that complete, retry, fail, wait and are cancelled, and requests that are refused. */
async function busyApp(): Promise<TestApp> {
  const app = await testApp({ slots: 1 });
  const { engine, submit, post, request } = app;
  const done = await submit({ func_name: "echo" });
  await engine.next("task_started", done.task_id);
  await submit({ func_name: "add_numbers", args: [1, 2], max_retries: 0 });
  await submit({ func_name: "echo", delay: 60 });
  const cancelled = await submit({ func_name: "echo" });
  await post(`/api/v1/tasks/${cancelled.task_id}/cancel`);
  await engine.clock.advance(30_000);
  engine.runner.of(done.task_id).fail();
  await engine.next("task_retrying", done.task_id);
  await post("/api/v1/tasks", { func_name: "nope" });
  await request("/nowhere/at/all");
  return app;
}

describe("a scrape", () => {
  test("keeps the conventions of Prometheus", async () => {
    const families = await scrape(await busyApp());
    expect(families.length).toBeGreaterThan(30);
    expect(lint(families)).toEqual([]);
  });

  test("tells of tasks by status and by handler, of retries and of the oldest that waits", async () => {
    const app = await busyApp();
    const families = await scrape(app);
    expect(value(families, "taskflow_tasks_submitted_total")).toBe(4);
    expect(value(families, "taskflow_tasks", { status: "pending" })).toBe(1);
    expect(value(families, "taskflow_tasks", { status: "retrying" })).toBe(1);
    expect(value(families, "taskflow_tasks_finished_total", { handler: "echo", status: "cancelled" })).toBe(1);
    expect(value(families, "taskflow_attempts_total", { handler: "echo", outcome: "failed" })).toBe(1);
    expect(value(families, "taskflow_task_retries_total", { handler: "echo" })).toBe(1);
    expect(value(families, "taskflow_attempt_run_seconds_sum", { handler: "echo" })).toBe(30);
    expect(value(families, "taskflow_attempt_run_seconds_bucket", { handler: "echo", le: "10" })).toBe(0);
    expect(value(families, "taskflow_attempt_run_seconds_bucket", { handler: "echo", le: "30" })).toBe(1);
    await app.submit({ func_name: "echo" });
    await app.engine.clock.advance(12_500);
    expect(value(await scrape(app), "taskflow_oldest_waiting_seconds")).toBe(12.5);
  });

  test("tells of workers, handlers, the store and the server's health", async () => {
    const app = await busyApp();
    app.engine.catalog.break("broken", "Unexpected ;");
    app.engine.runner.reason = "the worker exited with code 1";
    const families = await scrape(app);
    expect(value(families, "taskflow_workers", { state: "busy" })).toBe(1);
    expect(value(families, "taskflow_worker_slots")).toBe(1);
    expect(value(families, "taskflow_handlers", { status: "ready" })).toBe(2);
    expect(value(families, "taskflow_handlers", { status: "load_error" })).toBe(1);
    expect(value(families, "taskflow_store_size_bytes", { file: "database" })).toBeGreaterThan(0);
    expect(value(families, "taskflow_store_commit_seconds_count")).toBeGreaterThan(0);
    expect(value(families, "taskflow_healthy")).toBe(0);
    expect(value(families, "process_resident_memory_bytes")).toBeGreaterThan(1e6);
  });

  test("tells of requests by route and class of the status, those that came to no route together", async () => {
    const families = await scrape(await busyApp());
    const count = (labels: Record<string, string>) => value(families, "taskflow_http_requests_total", labels);
    expect(count({ method: "POST", route: "/api/v1/tasks", status: "2xx" })).toBe(4);
    expect(count({ method: "POST", route: "/api/v1/tasks", status: "4xx" })).toBe(1);
    expect(count({ method: "POST", route: "/api/v1/tasks/:task_id/cancel", status: "2xx" })).toBe(1);
    expect(count({ method: "GET", route: "none", status: "4xx" })).toBe(1);
    const timed = { method: "POST", route: "/api/v1/tasks" };
    expect(value(families, "taskflow_http_request_duration_seconds_count", timed)).toBe(5);
  });

  test("tells the same when it is asked twice at once", async () => {
    const app = await busyApp();
    const [first, second] = await Promise.all([scrape(app), scrape(app)]);
    const submitted = (families: readonly Family[]) => value(families, "taskflow_tasks_submitted_total");
    expect([submitted(first), submitted(second)]).toEqual([4, 4]);
  });

  test("is a 503 while the store does not answer", async () => {
    const app = await busyApp();
    app.engine.faults.refuse("stats");
    expect((await app.request("/metrics")).status).toBe(503);
  });

  test("wants a key, of which one that may read is enough", async () => {
    const keys = [{ name: "prometheus", key: "k".repeat(20), scope: "read" }] as const;
    const { request } = await testApp({ access: { keys } });
    expect((await request("/metrics")).status).toBe(401);
    const authorization = `Bearer ${keys[0].key}`;
    expect((await request("/metrics", { headers: { authorization } })).status).toBe(200);
  });
});

test("whatever method a client writes, there are only so many series", () => {
  const traffic = createTraffic();
  for (let n = 0; n < 100; n++) traffic.answered(`METHOD${n}`, undefined, 404, 0.001);
  expect([...traffic.routes.keys()]).toEqual(["none"]);
  expect([...(traffic.routes.get("none")?.keys() ?? [])]).toEqual(["other"]);
});

test("the README lists every metric with its labels, as they are", async () => {
  const readme = await Bun.file(resolve(import.meta.dir, "../../../README.md")).text();
  const rows = [...readme.matchAll(/^\| `(taskflow_\w+)` +\| (.*?) +\| (.*?) +\|$/gm)];
  const listed = rows.map(([, name = "", labels = "", help = ""]) => ({ name, labels, help }));
  const present = metrics.map(({ name, labels, help }) => {
    return { name, labels: labels.map((label) => `\`${label}\``).join(", "), help: help.replace(/\.$/, "") };
  });
  expect(listed).toEqual(present);
});
