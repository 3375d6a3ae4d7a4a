import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { resolve } from "node:path";
import { Writable } from "node:stream";
import { createLog, type LogOptions, type LogStream } from "../src/log.ts";

const entry = { func_name: "add_numbers", task_id: "0198c6f2", attempt: 1, duration: 0.012 };
/** What one could end a line with, or move the cursor with. */
const hostile = "a\nINFO b\r\u001b[2J\u0007\u0085\u2028\u2029\u202ec\u007f";

let environment: Record<string, string | undefined>;
beforeEach(() => {
  environment = { NO_COLOR: process.env.NO_COLOR, TERM: process.env.TERM };
  delete process.env.NO_COLOR;
  process.env.TERM = "xterm";
});
afterEach(() => {
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

describe("JSON", () => {
  test("an entry is one object with level, time, message and fields", async () => {
    const [line] = await logged({ format: "json" }, (log) => log.warn(entry, "task retrying"));
    const { time, ...rest } = JSON.parse(line ?? "");
    expect(rest).toEqual({ level: "warn", msg: "task retrying", ...entry });
    expect(new Date(time).toISOString()).toBe(time);
  });

  test("what is below the level is left out, and silent leaves out everything", async () => {
    const all = (log: ReturnType<typeof createLog>) => {
      log.debug({}, "debug");
      log.info({}, "info");
      log.warn({}, "warn");
      log.error({}, "error");
    };
    const messages = async (level: LogOptions["level"]) =>
      (await logged({ format: "json", level }, all)).map((line) => JSON.parse(line).msg);
    expect(await messages("debug")).toEqual(["debug", "info", "warn", "error"]);
    expect(await messages("warn")).toEqual(["warn", "error"]);
    expect(await messages("silent")).toEqual([]);
  });

  test.each([
    ["warn", ["the log's level was changed", "debug", "the log's level was changed", "warn"]],
    ["info", ["the log's level was changed", "debug", "the log's level was changed", "info", "warn"]],
    ["debug", ["debug", "the log's level was changed", "info", "warn", "the log's level was changed"]],
    ["silent", ["the log's level was changed", "debug", "the log's level was changed"]],
  ] as const)("the level %s is toggled to debug and back, and the log says so", async (level, messages) => {
    const lines = await logged({ format: "json", level }, (log) => {
      if (level === "debug") log.debug({}, "debug");
      log.toggleDebug();
      if (level === "debug") for (const at of ["debug", "info", "warn"] as const) log[at]({}, at);
      else log.debug({}, "debug");
      log.toggleDebug();
      if (level !== "debug") for (const at of ["debug", "info", "warn"] as const) log[at]({}, at);
    });
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual([...messages]);
    const levels = lines.map((line) => JSON.parse(line).log_level).filter((each) => each !== undefined);
    expect(levels).toEqual(level === "debug" ? ["info", "debug"] : ["debug", level]);
  });

  test("values that JSON has no form for do not stop the log", async () => {
    const cycle: Record<string, unknown> = { big: 10n, when: new Date(0), none: undefined, run: Date };
    cycle.self = cycle;
    const [line] = await logged({ format: "json" }, (log) => log.info(cycle, "100 %s"));
    expect(JSON.parse(line ?? "")).toMatchObject({ big: 10, when: "1970-01-01T00:00:00.000Z", msg: "100 %s" });
  });

  test.each(["err", "fault"])("an error in the field %s is told with message, stack and cause", async (field) => {
    const error = new TypeError("outer", { cause: new Error("inner") });
    const [line] = await logged({ format: "json" }, (log) => log.error({ [field]: error }, "failed"));
    const told = JSON.parse(line ?? "")[field];
    expect(told).toMatchObject({ type: "TypeError", message: "outer: inner" });
    expect(told.stack).toContain("caused by: Error: inner");
  });
});

describe("secrets", () => {
  const secrets = {
    api_key: "hush-1",
    headers: { Authorization: "Bearer hush-2", "x-api-key": "hush-3", cookie: "hush-4" },
    list: [{ password: "hush-5" }, { accessToken: "hush-6" }],
    error: Object.assign(new Error("refused"), { token: "hush-7" }),
    caller: { name: "ci", key: "hush-8" },
    TASKFLOW_API_KEYS: "ci:hush-9",
  };

  test.each(["json", "pretty"] as const)("values of secret names are redacted at any depth in %s", async (format) => {
    const text = (await logged({ format }, (log) => log.info(secrets, "request"))).join("\n");
    expect(text).not.toContain("hush");
    expect(text.match(/\[redacted\]/g)).toHaveLength(format === "json" ? 9 : 8);
    expect(text).toContain("ci");
  });

  test.each([
    ["connect to postgres://app:hush@db:5432/tasks failed", "connect to postgres://[redacted]@db:5432/tasks failed"],
    ["a://u:hush@h and b://hush@i", "a://[redacted]@h and b://[redacted]@i"],
    ["authorization: Bearer hush.hush-hush_1", "authorization: Bearer [redacted]"],
    ["basic aHVzaDpodXNo was sent", "basic [redacted] was sent"],
  ])("in a text they are redacted, in an error and a list too: %j", async (text, redacted) => {
    const fields = { text, error: new Error(text), list: [text] };
    const [line] = await logged({ format: "json" }, (log) => log.info(fields, "failed"));
    expect(JSON.parse(line ?? "")).toMatchObject({ text: redacted, error: { message: redacted }, list: [redacted] });
    expect(line).not.toMatch(/hush|aHVz/);
  });

  test.each(["http://localhost:8000/docs?a=b@c", "mail a@b.c", "the bearer of it", "w/e: 7@8"])(
    "a text that holds none stays as it is: %j",
    async (text) => {
      const [line] = await logged({ format: "json" }, (log) => log.info({ text }, "hello"));
      expect(JSON.parse(line ?? "").text).toBe(text);
    },
  );

  test("what was logged is not changed by it", async () => {
    await logged({ format: "json" }, (log) => log.info(secrets, "request"));
    expect(secrets.headers.cookie).toBe("hush-4");
  });
});

describe("pretty", () => {
  test("an entry is one compact line", async () => {
    const lines = await logged({ format: "pretty" }, (log) => {
      log.info(entry, "task completed");
      log.warn({ ...entry, duration: 61.5, error: "Error: no luck" }, "task retrying");
      log.info({}, "listening");
    });
    expect(lines.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3}/, "TIME"))).toEqual([
      "TIME INFO  task completed  add_numbers 0198c6f2  attempt 1  12 ms",
      'TIME WARN  task retrying  add_numbers 0198c6f2  attempt 1  61.50 s  error="Error: no luck"',
      "TIME INFO  listening",
    ]);
  });

  test("no string can end the line or move the cursor, wherever it stands", async () => {
    const fields = { func_name: hostile, task_id: hostile, attempt: hostile, duration: hostile, [hostile]: hostile };
    const lines = await logged({ format: "pretty" }, (log) => log.info({ ...fields, in: { [hostile]: 1 } }, hostile));
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u);
    expect(lines[0]).toContain("a\\nINFO b\\r\\u001b[2J\\u0007\\u0085\\u2028\\u2029\\u202ec\\u007f");
  });

  test("the lines of a stack are indented, so that none looks like an entry", async () => {
    const error = new Error("boom\n03:39:06.123 INFO  all is well\u001b[2J");
    const [first, ...stack] = await logged({ format: "pretty" }, (log) => log.error({ error }, "failed"));
    expect(first).toMatch(/ERROR failed$/);
    expect(stack.slice(0, 2)).toEqual(["    Error: boom", "    03:39:06.123 INFO  all is well\\u001b[2J"]);
    expect(stack.every((line) => line.startsWith("    "))).toBe(true);
  });

  test("a value of great length is cut", async () => {
    const [line] = await logged({ format: "pretty" }, (log) => log.info({ text: "x".repeat(1_000_000) }, "long"));
    expect(line?.length).toBeLessThan(1_100);
  });

  test("it is the form on a terminal and JSON the form elsewhere, when none is asked for", async () => {
    const form = async (options: Partial<LogOptions>, isTTY: boolean) =>
      (await logged(options, (log) => log.info({}, "hello"), isTTY))[0]?.startsWith("{") ? "json" : "pretty";
    expect(await form({ format: null }, true)).toBe("pretty");
    expect(await form({ format: null }, false)).toBe("json");
    expect(await form({ format: "json" }, true)).toBe("json");
    expect(await form({ format: "pretty" }, false)).toBe("pretty");
  });

  test("colours are for terminals, unless NO_COLOR is set or the terminal is dumb", async () => {
    const isColoured = async (isTTY: boolean) =>
      (await logged({ format: "pretty" }, (log) => log.info({}, "hello"), isTTY))[0]?.includes("\u001b[32m");
    expect(await isColoured(true)).toBe(true);
    expect(await isColoured(false)).toBe(false);
    process.env.NO_COLOR = "1";
    expect(await isColoured(true)).toBe(false);
    process.env.NO_COLOR = "";
    expect(await isColoured(true)).toBe(true);
    process.env.TERM = "dumb";
    expect(await isColoured(true)).toBe(false);
  });
});

describe("writing", () => {
  test("lines are gathered into few writes, in their order, and written without being asked", async () => {
    const sink = heldSink();
    const log = createLog({ level: "info", format: "json", stream: sink.stream });
    for (let i = 0; i < 50; i++) log.info({ i }, "line");
    expect(sink.writes).toHaveLength(0);
    await sink.nextWrite();
    expect(sink.numbers()).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(sink.writes).toHaveLength(1);
  });

  test("flush resolves after the last line was taken, not before", async () => {
    const sink = heldSink();
    const log = createLog({ level: "info", format: "json", stream: sink.stream });
    log.info({ i: 0 }, "line");
    let isFlushed = false;
    const flushed = log.flush().then(() => {
      isFlushed = true;
    });
    log.info({ i: 1 }, "line");
    sink.release();
    await sink.nextWrite();
    expect(isFlushed).toBe(false);
    sink.release();
    await flushed;
    expect(sink.numbers()).toEqual([0, 1]);
  });

  test("flush gives up after a second on a reader that stands still", async () => {
    jest.useFakeTimers();
    try {
      const sink = heldSink();
      const log = createLog({ level: "info", format: "json", stream: sink.stream });
      log.info({}, "line");
      const flushed = log.flush();
      jest.advanceTimersByTime(1_000);
      await flushed;
      expect(sink.writes).toHaveLength(1);
    } finally {
      jest.useRealTimers();
    }
  });

  test("a reader that stands still costs bounded memory, and the lines it lost are counted", async () => {
    const sink = heldSink();
    const log = createLog({ level: "info", format: "json", stream: sink.stream });
    log.info({ i: 0 }, "line");
    void log.flush();
    const text = "x".repeat(1024 * 1024);
    for (let i = 1; i <= 100; i++) log.info({ i, text }, "line");
    sink.release();
    await sink.nextWrite();
    expect(sink.writes.at(-1)?.length).toBeLessThan(17 * 1024 * 1024);
    sink.release();
    await sink.nextWrite();
    expect(JSON.parse(sink.writes.at(-1) ?? "")).toMatchObject({
      level: "warn",
      lines: 85,
      msg: "log lines could not be written",
    });
    expect(sink.numbers()).toEqual(Array.from({ length: 16 }, (_, i) => i));
  });

  test("after writes that failed it goes on, and says how many lines are missing", async () => {
    const sink = heldSink();
    const log = createLog({ level: "info", format: "json", stream: sink.stream });
    log.info({ i: 0 }, "line");
    log.info({ i: 1 }, "line");
    const flushed = log.flush();
    sink.release(new Error("ENOSPC"));
    await flushed;
    log.info({ i: 2 }, "line");
    void log.flush();
    sink.release();
    await sink.nextWrite();
    expect(sink.numbers()).toEqual([0, 1, 2]);
    expect(JSON.parse(sink.writes.at(-1) ?? "")).toMatchObject({ level: "warn", lines: 2 });
  });
});

describe("a process", () => {
  test.each([
    ["ends by process.exit", "process.exit(3)", 3],
    ["dies of an exception", 'throw new Error("fatal")', 1],
    ["dies of a rejection", 'await Promise.reject(new Error("fatal"))', 1],
  ])("that %s leaves no line behind", async (_how, ending, code) => {
    const child = run(`for (let i = 0; i < 100; i++) log.info({ i }, "line"); ${ending}`);
    const lines = (await new Response(child.stdout).text()).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).i)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(await child.exited).toBe(code);
  });

  test("goes on when the reader of its output has gone", async () => {
    const child = run(`
      log.info({}, "here");
      for await (const _ of console) break;
      for (let i = 0; i < 3; i++) { log.info({ i }, "unread"); await log.flush(); }
      log.info({}, "last");
      console.error("alive");`);
    const reader = child.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toContain("here");
    await reader.cancel();
    child.stdin.write("go on\n");
    child.stdin.end();
    expect(await new Response(child.stderr).text()).toBe("alive\n");
    expect(await child.exited).toBe(0);
  });
});

/** What is written when `use` logs, as lines. */
async function logged(
  options: Partial<LogOptions>,
  use: (log: ReturnType<typeof createLog>) => void,
  isTTY = false,
): Promise<string[]> {
  let text = "";
  const stream: LogStream = Object.assign(new Writable(), { isTTY });
  stream._write = (chunk, _encoding, done) => {
    text += chunk;
    done();
  };
  const log = createLog({ level: "info", format: "json", stream, ...options });
  use(log);
  await log.flush();
  return text.split("\n").slice(0, -1);
}

/** A stream that takes a write and does not say so before it is released, with an error or without. */
function heldSink() {
  const writes: string[] = [];
  let told = Promise.withResolvers<void>();
  let held: (error?: Error) => void = () => undefined;
  const stream = new Writable();
  stream.write = (chunk: unknown, ...[done]: unknown[]) => {
    writes.push(String(chunk));
    if (typeof done === "function") held = (error) => done(error);
    told.resolve();
    return true;
  };
  return {
    stream,
    writes,
    nextWrite: () => told.promise,
    release(error?: Error) {
      told = Promise.withResolvers();
      held(error);
    },
    numbers: () =>
      writes.flatMap((text) => [...text.matchAll(/"level":"info".*?"i":(\d+)/g)].map(([, i]) => Number(i))),
  };
}

function run(code: string) {
  const file = resolve(import.meta.dir, "../src/log.ts");
  const start = `const { createLog } = await import(${JSON.stringify(file)});
    const log = createLog({ level: "info", format: "json" });`;
  return Bun.spawn([process.execPath, "-e", `${start} ${code}`], { stdio: ["pipe", "pipe", "pipe"] });
}
