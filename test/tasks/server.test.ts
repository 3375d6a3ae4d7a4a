import { afterEach, beforeEach, describe, expect, mock, spyOn, test } from "bun:test";
import fs from "node:fs/promises";
import os from "node:os";
import { PermanentError } from "taskflow";
import checkSystemHealth from "../../tasks/check_system_health.ts";
import generateReport from "../../tasks/generate_report.ts";
import { failureOf, fakeContext, testDirectories, testEnvironment } from "./context.ts";

const environment = testEnvironment();
const makeDirectory = testDirectories();
let server: Bun.Server<undefined>;
let requests: { path: string; authorization: string | null }[];
let answers: Record<string, () => Response>;

const metrics = {
  queue: {
    total_enqueued: 12,
    total_dequeued: 10,
    current_size: 2,
    pending_count: 2,
    running_count: 1,
    failed_count: 3,
  },
  workers: { num_workers: 4, running: true, active_workers: 3, slots: 4, pool: [] },
  handlers: {
    hello_world: {
      completed: 7,
      wait: { p50: 0.001, p95: 0.0123456, p99: 0.2 },
      run: { p50: 0.002, p95: 0.003, p99: 0.1 },
    },
    random_failure: {
      failed: 3,
      timed_out: 1,
      wait: { p50: null, p95: null, p99: null },
      run: { p50: null, p95: null, p99: null },
    },
  },
  timestamp: "2026-01-01T00:00:00.000Z",
};

const health = { status: "healthy", reason: null, queue: metrics.queue, workers: metrics.workers };

/** As the server lists them, by submission: the one that was submitted last need not have failed last. */
const failed = [
  { func_name: "b", error_kind: "timeout", error: "TimeoutError: late", completed_at: "2026-01-03T00:00:00.000Z" },
  { func_name: "a", error_kind: "handler", error: "Error: old", completed_at: "2026-01-01T00:00:00.000Z" },
  { func_name: "a", error_kind: "handler", error: "Error: new\nline", completed_at: "2026-01-02T00:00:00.000Z" },
];

beforeEach(() => {
  requests = [];
  answers = {
    "/api/v1/metrics": () => Response.json(metrics),
    "/api/v1/tasks": () => Response.json(failed),
    "/health": () => Response.json(health),
  };
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname, search } = new URL(request.url);
      requests.push({ path: `${pathname}${search}`, authorization: request.headers.get("authorization") });
      return answers[pathname]?.() ?? Response.json({ detail: "no such path" }, { status: 404 });
    },
  });
  environment("TASKFLOW_URL", server.url.origin);
  environment("TASKFLOW_API_KEY", undefined);
});

afterEach(async () => {
  mock.restore();
  await server.stop(true);
});

const report = (report_type: "summary" | "failures" | "queue") => generateReport.run({ report_type }, fakeContext());

describe("generate_report", () => {
  test("summary: one row for each handler, by outcome", async () => {
    const { title, generated_at, rows, text } = await report("summary");
    expect(title).toBe("Attempts by handler since the server's start");
    expect(new Date(generated_at).toISOString()).toBe(generated_at);
    expect(rows).toEqual([
      {
        handler: "hello_world",
        completed: 7,
        failed: 0,
        timed_out: 0,
        cancelled: 0,
        wait_p95_seconds: 0.0123456,
        run_p50_seconds: 0.002,
        run_p95_seconds: 0.003,
      },
      {
        handler: "random_failure",
        completed: 0,
        failed: 3,
        timed_out: 1,
        cancelled: 0,
        wait_p95_seconds: null,
        run_p50_seconds: null,
        run_p95_seconds: null,
      },
    ]);
    expect(text.split("\n").slice(2)).toEqual([
      "handler         completed  failed  timed_out  cancelled  wait_p95_seconds  run_p50_seconds  run_p95_seconds",
      "hello_world     7          0       0          0          0.012             0.002            0.003",
      "random_failure  0          3       1          0          -                 -                -",
    ]);
  });

  test("failures: by handler and kind, each with the latest of them", async () => {
    const { title, rows, text } = await report("failures");
    expect(title).toBe("The 3 failed tasks submitted last, by handler and kind");
    expect(rows).toEqual([
      { handler: "b", kind: "timeout", failed: 1, latest_at: "2026-01-03T00:00:00.000Z", error: "TimeoutError: late" },
      { handler: "a", kind: "handler", failed: 2, latest_at: "2026-01-02T00:00:00.000Z", error: "Error: new\nline" },
    ]);
    expect(text).toContain("Error: new line");
    expect(requests.map(({ path }) => path)).toEqual(["/api/v1/tasks?status=failed&limit=100"]);
  });

  test("queue: the counts of the queue and the workers, of an unhealthy server as well", async () => {
    answers["/health"] = () => Response.json({ ...health, status: "draining" }, { status: 503 });
    const { title, rows } = await report("queue");
    expect(title).toBe("The queue of a server that is draining");
    expect(rows).toContainEqual({ measure: "current_size", value: 2 });
    expect(rows).toContainEqual({ measure: "active_workers", value: 3 });
  });

  test("says so when there is nothing to report", async () => {
    answers["/api/v1/tasks"] = () => Response.json([]);
    expect(await report("failures")).toMatchObject({ rows: [], text: expect.stringContaining("Nothing to report.") });
  });

  test("sends the key it is given, and none otherwise", async () => {
    await report("summary");
    environment("TASKFLOW_API_KEY", "sesame");
    await report("summary");
    expect(requests.map(({ authorization }) => authorization)).toEqual([null, "Bearer sesame"]);
  });

  test.each([401, 403])("fails for good on a %d, and says what to do", async (status) => {
    environment("TASKFLOW_API_KEY", "sesame");
    answers["/api/v1/metrics"] = () => Response.json({ detail: "no" }, { status });
    const failure = await failureOf(() => report("summary"));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toContain("set TASKFLOW_API_KEY");
    expect(failure.message).not.toContain("sesame");
  });

  test("fails for good without TASKFLOW_URL", async () => {
    environment("TASKFLOW_URL", undefined);
    const failure = await failureOf(() => report("summary"));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toContain("TASKFLOW_URL is not set");
  });

  test("may be tried again when the server answers anything else", async () => {
    answers["/api/v1/metrics"] = () => Response.json({ detail: "The disk is full." }, { status: 503 });
    const failure = await failureOf(() => report("summary"));
    expect(failure).not.toBeInstanceOf(PermanentError);
    expect(failure.message).toBe('The server answered 503 to /api/v1/metrics: {"detail":"The disk is full."}');
  });
});

describe("check_system_health", () => {
  const run = () => checkSystemHealth.run({}, fakeContext());

  beforeEach(async () => {
    environment("TASKFLOW_DATA_DIR", await makeDirectory());
    const total = os.totalmem();
    spyOn(process, "constrainedMemory").mockReturnValue(total);
    spyOn(process, "availableMemory").mockReturnValue(total / 2);
    spyOn(os, "availableParallelism").mockReturnValue(4);
    spyOn(os, "loadavg").mockReturnValue([9, 8, 7]);
  });

  test("reads memory, load, disk, uptime, runtime and the server's health", async () => {
    const { checks } = await run();
    expect(checks.memory).toMatchObject({
      status: "ok",
      total_bytes: os.totalmem(),
      available_bytes: os.totalmem() / 2,
    });
    expect(checks.memory.worker_bytes).toBeGreaterThan(0);
    expect(checks.load).toEqual({ status: "ok", cpus: 4, averages: [9, 8, 7] });
    expect(checks.disk.total_bytes).toBeGreaterThan(0);
    expect(checks.uptime.system_seconds).toBeGreaterThan(0);
    expect(checks.runtime).toMatchObject({ bun: Bun.version });
    expect(checks.server).toEqual({ status: "ok", health: "healthy", reason: null });
  });

  test("is degraded by a load of more than two for each CPU", async () => {
    spyOn(os, "loadavg").mockReturnValue([1, 8.1, 1]);
    expect(await run()).toMatchObject({ status: "degraded", checks: { load: { status: "warning" } } });
  });

  test("is degraded by less than a tenth of the memory, or of what the container may use", async () => {
    spyOn(process, "availableMemory").mockReturnValue(os.totalmem() * 0.09);
    expect(await run()).toMatchObject({ status: "degraded", checks: { memory: { status: "warning" } } });
    spyOn(process, "constrainedMemory").mockReturnValue(os.totalmem() / 2);
    expect((await run()).checks.memory).toMatchObject({ status: "ok", total_bytes: os.totalmem() / 2 });
  });

  test("is degraded by less than a tenth of the disk", async () => {
    const real = await fs.statfs(".");
    spyOn(fs, "statfs").mockResolvedValue({ ...real, bsize: 4096, blocks: 1000, bavail: 99 });
    expect(await run()).toMatchObject({
      status: "degraded",
      checks: { disk: { status: "warning", total_bytes: 4_096_000, available_bytes: 405_504 } },
    });
  });

  test("is degraded by a server that is not healthy", async () => {
    answers["/health"] = () => Response.json({ status: "unhealthy", reason: "no disk" }, { status: 503 });
    expect(await run()).toMatchObject({
      status: "degraded",
      checks: { server: { status: "warning", health: "unhealthy", reason: "no disk" } },
    });
  });

  test("is degraded by a server or a data directory that is not there, and says why", async () => {
    environment("TASKFLOW_DATA_DIR", "/nowhere/at/all");
    await server.stop(true);
    const { status, checks } = await run();
    expect(status).toBe("degraded");
    expect(checks.server).toMatchObject({ status: "warning", reason: expect.stringContaining("connect") });
    expect(checks.disk).toMatchObject({ status: "warning", reason: expect.stringContaining("/nowhere/at/all") });
  });

  test("is healthy with what it could read, and says what it could not", async () => {
    environment("TASKFLOW_DATA_DIR", undefined);
    environment("TASKFLOW_URL", undefined);
    const { status, checks } = await run();
    expect(status).toBe("healthy");
    expect(checks.server).toEqual({ status: "unknown", reason: "TASKFLOW_URL is not set" });
    expect(checks.disk).toEqual({ status: "unknown", reason: "TASKFLOW_DATA_DIR is not set" });
    expect(requests).toEqual([]);
  });
});
