import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { startReceiver } from "../support/otlp.ts";
import { startServer, type TemporaryFolder, type TestServer, temporaryFolder } from "../support/server.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

const trace = "0af7651916cd43dd8448eb211c80319c";
const caller = "b7ad6b7169203331";
const traceparent = `00-${trace}-${caller}-01`;

let tasks: TemporaryFolder;
beforeAll(async () => {
  tasks = await temporaryFolder();
  await Bun.write(join(tasks.path, "tells.ts"), "export default async (_input, ctx) => ctx.traceparent;");
  await Bun.write(join(tasks.path, "fails.ts"), 'export default async () => { throw new TypeError("no luck"); };');
  await Bun.write(join(tasks.path, "sees.ts"), "export default async () => Object.keys(process.env);");
});
afterAll(() => tasks[Symbol.asyncDispose]());

/** The variables that send traces there. */
const sendingTo = (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" });

function post({ url }: TestServer, body: object, headers: Record<string, string> = { traceparent }): Promise<Response> {
  return fetch(`${url}/api/v1/tasks`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

async function submit(server: TestServer, body: object, headers?: Record<string, string>): Promise<string> {
  const response = await post(server, body, headers);
  expect(response.status).toBe(201);
  return ((await response.json()) as { task_id: string }).task_id;
}

const ended = (server: TestServer, id: string) =>
  server.entry(({ msg, task_id }) => task_id === id && /^task (completed|failed)$/.test(msg));

async function resultOf({ url }: TestServer, id: string): Promise<unknown> {
  return ((await (await fetch(`${url}/api/v1/tasks/${id}`)).json()) as { result: unknown }).result;
}

async function stop(server: TestServer): Promise<void> {
  server.signal("SIGTERM");
  expect(await server.exited).toBe(0);
}

describe("a trace", () => {
  test("goes from the caller's span through the submission to the attempt and its handler, and is sent at the stop", async () => {
    await using receiver = startReceiver();
    const env = { OTEL_SERVICE_NAME: "orders", OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test" };
    await using server = await startServer({ tasksDir: tasks.path, env: { ...sendingTo(receiver.url), ...env } });
    const id = await submit(server, { func_name: "tells", priority: "high" });
    await ended(server, id);
    const told = await resultOf(server, id);
    await stop(server);
    const [submitted, waited, attempted, ...others] = receiver.spans;
    expect(others).toEqual([]);
    const task = { "taskflow.task.id": id, "taskflow.handler": "tells", "taskflow.priority": 1 };
    expect(submitted).toMatchObject({ name: "submit tells", traceId: trace, parentSpanId: caller, attributes: task });
    const parentSpanId = submitted?.spanId;
    expect(waited).toMatchObject({ name: "wait tells", traceId: trace, parentSpanId, attributes: task });
    expect(attempted).toMatchObject({
      name: "attempt tells",
      traceId: trace,
      parentSpanId,
      status: { code: 0 },
      attributes: {
        ...task,
        "taskflow.attempt.number": 1,
        "taskflow.attempt.outcome": "completed",
        "taskflow.task.status": "completed",
        "taskflow.worker": expect.stringMatching(/^w\d+$/),
      },
    });
    expect(attempted?.startTimeUnixNano).toBe(waited?.endTimeUnixNano ?? "");
    expect(told).toBe(`00-${trace}-${attempted?.spanId}-01`);
    expect(receiver.resource).toMatchObject({ "service.name": "orders", "deployment.environment.name": "test" });
  });

  test("has a span for each attempt, those that failed with their error", async () => {
    await using receiver = startReceiver();
    await using server = await startServer({ tasksDir: tasks.path, env: sendingTo(receiver.url) });
    await ended(server, await submit(server, { func_name: "fails", max_retries: 1 }));
    await stop(server);
    const attempts = receiver.spans.filter(({ name }) => name === "attempt fails");
    expect(attempts).toMatchObject([
      { attributes: { "taskflow.attempt.number": 1, "taskflow.task.status": "retrying", "error.type": "handler" } },
      { attributes: { "taskflow.attempt.number": 2, "taskflow.task.status": "failed" } },
    ]);
    for (const { status, traceId } of attempts) {
      expect(status).toEqual({ code: 2, message: "TypeError: no luck" });
      expect(traceId).toBe(trace);
    }
    expect(receiver.spans.filter(({ name }) => name === "wait fails")).toHaveLength(2);
  });

  test("goes on after a restart that lost everything but the disk", async () => {
    await using receiver = startReceiver();
    const options = { tasksDir: tasks.path, env: { ...sendingTo(receiver.url), TASKFLOW_NUM_WORKERS: "0" } };
    const first = await startServer({ ...options, keepData: true });
    const id = await submit(first, { func_name: "tells" });
    await stop(first);
    const env = { ...options.env, TASKFLOW_NUM_WORKERS: "1" };
    await using second = await startServer({ ...options, env, dataDir: first.dataDir });
    await ended(second, id);
    await stop(second);
    const [submitted, , attempted] = receiver.spans;
    expect(attempted).toMatchObject({ name: "attempt tells", traceId: trace, parentSpanId: submitted?.spanId });
  });

  test.each([
    ["none", {}],
    ["no valid one", { traceparent: `00-${"0".repeat(32)}-${caller}-01` }],
  ])("begins with the submission when there is %s to join", async (_what, headers) => {
    await using receiver = startReceiver();
    await using server = await startServer({ tasksDir: tasks.path, env: sendingTo(receiver.url) });
    await ended(server, await submit(server, { func_name: "tells" }, headers));
    await stop(server);
    const [submitted, ...others] = receiver.spans;
    expect(submitted?.parentSpanId ?? "").toBe("");
    expect(others.map(({ parentSpanId }) => parentSpanId)).toEqual([submitted?.spanId, submitted?.spanId]);
  });

  test("that its caller does not sample is not drawn, but goes on to the handler", async () => {
    await using receiver = startReceiver();
    await using server = await startServer({ tasksDir: tasks.path, env: sendingTo(receiver.url) });
    const id = await submit(server, { func_name: "tells" }, { traceparent: `00-${trace}-${caller}-00` });
    await ended(server, id);
    expect(await resultOf(server, id)).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-00$`));
    await stop(server);
    expect(receiver.requests).toEqual([]);
  });

  test("of a submission that is refused ends there, with the reason", async () => {
    await using receiver = startReceiver();
    const env = { ...sendingTo(receiver.url), TASKFLOW_NUM_WORKERS: "0", TASKFLOW_MAX_QUEUE_SIZE: "1" };
    await using server = await startServer({ tasksDir: tasks.path, env });
    await submit(server, { func_name: "tells" });
    expect((await post(server, { func_name: "tells" })).status).toBe(429);
    await stop(server);
    expect(receiver.spans.map(({ name, attributes }) => [name, attributes["error.type"]])).toEqual([
      ["submit tells", undefined],
      ["submit tells", "queue_full"],
    ]);
  });
});

test("without OpenTelemetry's variables a handler gets what its task was submitted with", async () => {
  await using server = await startServer({ tasksDir: tasks.path });
  const joined = await submit(server, { func_name: "tells" });
  const alone = await submit(server, { func_name: "tells" }, {});
  await Promise.all([ended(server, joined), ended(server, alone)]);
  expect(await resultOf(server, joined)).toBe(traceparent);
  expect(await resultOf(server, alone)).toBeNull();
});

test.each([{ OTEL_SDK_DISABLED: "true" }, { OTEL_TRACES_EXPORTER: "none" }])("%j turns traces off", async (off) => {
  await using receiver = startReceiver();
  await using server = await startServer({ tasksDir: tasks.path, env: { ...sendingTo(receiver.url), ...off } });
  await ended(server, await submit(server, { func_name: "tells" }));
  await stop(server);
  expect(receiver.requests).toEqual([]);
});

test("spans go as protobuf unless JSON is asked for, with the headers that are set, which no handler sees", async () => {
  await using receiver = startReceiver();
  const env = {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/here`,
    OTEL_EXPORTER_OTLP_HEADERS: "x-secret=hush",
  };
  await using server = await startServer({ tasksDir: tasks.path, env });
  const id = await submit(server, { func_name: "sees" });
  await ended(server, id);
  const seen = await resultOf(server, id);
  await stop(server);
  expect(receiver.requests.map(({ path }) => path)).toEqual(["/here"]);
  expect(receiver.requests[0]?.headers.get("content-type")).toBe("application/x-protobuf");
  expect(receiver.requests[0]?.headers.get("x-secret")).toBe("hush");
  expect(seen).toContain("TASKFLOW_URL");
  expect(String(seen)).not.toContain("OTEL");
});

describe("a receiver", () => {
  test("that is down changes nothing for tasks; the log says once that traces are lost", async () => {
    const env = { ...sendingTo("http://127.0.0.1:1"), OTEL_BSP_SCHEDULE_DELAY: "1", OTEL_EXPORTER_OTLP_TIMEOUT: "200" };
    await using server = await startServer({ tasksDir: tasks.path, env });
    for (let n = 0; n < 5; n++) await ended(server, await submit(server, { func_name: "tells" }));
    await server.entry(({ msg }) => msg === "traces cannot be sent, and are lost");
    await ended(server, await submit(server, { func_name: "tells" }));
    await stop(server);
    expect(server.entries.filter(({ msg }) => msg.includes("traces"))).toHaveLength(1);
  });

  test("that never answers holds neither tasks nor the stop up", async () => {
    await using receiver = startReceiver(() => new Promise(() => undefined));
    const patient = { OTEL_EXPORTER_OTLP_TIMEOUT: "120000", OTEL_BSP_EXPORT_TIMEOUT: "120000" };
    const env = { ...sendingTo(receiver.url), ...patient, OTEL_BSP_SCHEDULE_DELAY: "1" };
    await using server = await startServer({ tasksDir: tasks.path, env });
    await ended(server, await submit(server, { func_name: "tells" }));
    await receiver.came();
    await ended(server, await submit(server, { func_name: "tells" }));
    await stop(server);
  });
});
