import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { startGenerator } from "../bench/generator.ts";
import type { Group } from "../bench/group.ts";
import { ResponseReader } from "../bench/http-response.ts";
import { insertRows } from "../bench/insert.ts";
import { probeLatency } from "../bench/latency.ts";
import { runLoad } from "../bench/load.ts";
import { readOptions, UsageError } from "../bench/options.ts";
import { linesOf } from "../bench/report.ts";
import { percentile, summarize } from "../bench/statistics.ts";
import { newSum } from "../bench/sum.ts";
import { type TaskRow, taskColumns, taskFromRow } from "../src/storage/rows.ts";
import { databaseFile, removeFolders } from "./storage/files.ts";

const received: string[] = [];
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request, self) {
    const { pathname } = new URL(request.url);
    if (pathname === "/ws" && self.upgrade(request)) return;
    if (pathname === "/refused") return new Response("full", { status: 429 });
    if (request.method === "GET") return new Response("[]");
    received.push(await request.text());
    if (pathname === "/api/v1/tasks") self.publish("events", '{"type":"task_completed","task":{}}');
    return new Response(pathname === "/chunked" ? chunked() : "{}", { status: 201 });
  },
  websocket: {
    open: (socket) => void socket.subscribe("events"),
    message: () => undefined,
  },
});
const url = server.url.origin;
afterAll(() => server.stop(true));
afterAll(removeFolders);

describe("the response reader", () => {
  const responses =
    "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello" +
    "HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n" +
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\na\r\n0\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n" +
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

  test("finds every response, wherever the stream is cut", () => {
    const bytes = Buffer.from(responses);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(statusesOf([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual([201, 204, 200, 503]);
    }
    expect(statusesOf(Array.from(bytes, (byte) => Buffer.of(byte)))).toEqual([201, 204, 200, 503]);
  });

  test("does not count a response whose body is not all there", () => {
    expect(statusesOf([Buffer.from("HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhell")])).toEqual([]);
    expect(statusesOf([Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")])).toEqual(
      [],
    );
  });

  test("refuses what is no response, or one without a length", () => {
    expect(() => statusesOf([Buffer.from("SSH-2.0-x\r\n\r\n")])).toThrow("no HTTP/1.1 response");
    expect(() => statusesOf([Buffer.from("HTTP/1.1 200 OK\r\n\r\n")])).toThrow("nothing of its length");
  });
});

describe("the load", () => {
  for (const path of ["/plain", "/chunked"]) {
    test(`sends as many requests as asked for, each body in its turn, to ${path}`, async () => {
      received.length = 0;
      const { answered } = await runLoad({ ...load(path), until: { requests: 50 } });
      expect(answered).toBe(50);
      expect(received.filter((body) => body === '{"n":1}')).toHaveLength(25);
      expect(received.filter((body) => body === '{"n":"ü"}')).toHaveLength(25);
    });
  }

  test("gets what it has nothing to send to, and takes only a 200", async () => {
    const { answered } = await runLoad({ ...load("/list"), bodies: [], until: { requests: 9 } });
    expect(answered).toBe(9);
    const refused = runLoad({ ...load("/refused"), bodies: [], until: { requests: 9 } });
    await expect(refused).rejects.toThrow("answered by 429");
  });

  test("counts what was answered when the time is over", async () => {
    received.length = 0;
    const { answered, elapsedMs } = await runLoad({ ...load("/plain"), until: { ms: 20 } });
    expect(answered).toBe(received.length);
    expect(answered).toBeGreaterThan(0);
    expect(elapsedMs).toBeGreaterThanOrEqual(20);
  });

  test("fails when a request is refused", async () => {
    await expect(runLoad({ ...load("/refused"), until: { requests: 50 } })).rejects.toThrow("answered by 429");
  });

  test("fails when the server closes the connection", async () => {
    const closing = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.end() },
    });
    const job = { ...load("/plain"), url: `http://127.0.0.1:${closing.port}`, until: { requests: 5 } };
    await expect(runLoad(job)).rejects.toThrow("closed the connection");
    closing.stop(true);
  });

  test("takes a request that is larger than the socket's buffer", async () => {
    received.length = 0;
    const body = JSON.stringify("x".repeat(8_000_000));
    await runLoad({ ...load("/plain"), bodies: [body], until: { requests: 3 } });
    expect(received).toEqual([body, body, body]);
  });

  test("runs in a process of its own", async () => {
    received.length = 0;
    const generator = startGenerator();
    const { kind: _, ...job } = load("/plain");
    expect((await generator.load({ ...job, until: { requests: 30 } })).answered).toBe(30);
    expect(received).toHaveLength(30);
    await expect(generator.load({ ...job, path: "/refused", until: { requests: 1 } })).rejects.toThrow("429");
    generator.stop();
  });
});

test("the rows of the insert that batches are held against are tasks as a submission makes them", () => {
  const file = databaseFile();
  expect(insertRows({ kind: "insert", file, rows: 3, ms: 1 })).toBeGreaterThan(0);
  const db = new Database(file, { readonly: true });
  const rows = db.query<TaskRow, []>(`SELECT ${taskColumns} FROM tasks`).all();
  db.close(true);
  expect(rows.length % 3).toBe(0);
  const { id: _, createdAt: __, runAt: ___, ...task } = newSum();
  expect(rows.map(taskFromRow)).toEqual(rows.map(() => expect.objectContaining(task)));
});

describe("the latency probe", () => {
  for (const until of ["completed", "answered"] as const) {
    test(`takes one time a task until it is ${until}`, async () => {
      received.length = 0;
      const idleMs = { min: 0, max: 1 };
      const times = await probeLatency({ kind: "latency", url, body: "{}", samples: 5, until, idleMs });
      expect(times).toHaveLength(5);
      expect(times.every((ms) => ms > 0)).toBe(true);
      expect(received).toHaveLength(5);
    });
  }
});

describe("the statistics", () => {
  test("a summary has the median and the extremes", () => {
    expect(summarize([9, 1, 5])).toEqual({ median: 5, min: 1, max: 9 });
    expect(summarize([10, 9, 100, 1])).toEqual({ median: 9.5, min: 1, max: 100 });
  });

  test("a percentile is one of the samples, by nearest rank", () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile([7], 0.5)).toBe(7);
  });

  test("there is none of nothing", () => {
    expect(() => summarize([])).toThrow(RangeError);
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });

  test("a ratio is taken within each round", () => {
    const group: Group = {
      name: "x",
      title: "x",
      figures: [{ id: "a", title: "a", unit: "per second" }],
      ratios: [{ title: "a / b", of: "a", to: "b", goal: 0.85 }],
      measure: () => Promise.reject(new Error("not measured here")),
    };
    const samples = [
      { a: 10, b: 100 },
      { a: 90, b: 100 },
      { a: 8, b: 10 },
    ];
    const [figure, ratio] = linesOf(group, samples);
    expect(figure).toMatchObject({ median: 10, min: 8, max: 90, goal: null });
    expect(ratio).toMatchObject({ id: "a/b", unit: "ratio", median: 0.8, min: 0.1, max: 0.9, goal: 0.85 });
  });
});

describe("the options", () => {
  test("say what is to be measured", () => {
    expect(
      readOptions(["--only", "b,a", "--rounds", "7", "--seconds", "0.5", "--json"], ["a", "b", "c"]),
    ).toMatchObject({
      only: ["b", "a"],
      rounds: 7,
      seconds: 0.5,
      json: true,
    });
    expect(readOptions([], ["a", "b"]).only).toEqual(["a", "b"]);
    expect(readOptions([], ["a", "b", "extra"], ["a", "b"]).only).toEqual(["a", "b"]);
    expect(readOptions(["--only", "extra"], ["a", "extra"], ["a"]).only).toEqual(["extra"]);
  });

  for (const args of ["--only d", "--rounds 0", "--rounds 1.5", "--seconds x", "--unknown", "stray"]) {
    test(`refuse ${args}`, () => {
      expect(() => readOptions(args.split(" "), ["a"])).toThrow(UsageError);
    });
  }
});

function statusesOf(chunks: readonly Buffer[]): number[] {
  const statuses: number[] = [];
  const reader = new ResponseReader((status) => statuses.push(status));
  for (const chunk of chunks) reader.push(chunk);
  return statuses;
}

function load(path: string) {
  return { kind: "load" as const, url, path, bodies: ['{"n":1}', '{"n":"ü"}'], connections: 4 };
}

function chunked(): ReadableStream<string> {
  return new ReadableStream({
    async start(controller) {
      for (const part of ['{"a":', "1", "}"]) {
        controller.enqueue(part);
        await new Promise((resolve) => setImmediate(resolve));
      }
      controller.close();
    },
  });
}
