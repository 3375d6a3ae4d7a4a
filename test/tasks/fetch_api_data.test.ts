import { afterEach, beforeEach, describe, expect, mock, setSystemTime, spyOn, test } from "bun:test";
import { PermanentError, RetryAfter } from "taskflow";
import fetchApiData from "../../tasks/fetch_api_data.ts";
import { failureOf, fakeContext, testEnvironment } from "./context.ts";

const environment = testEnvironment();
const limit = 512 * 1024;
let answer: (request: Request) => Response | Promise<Response>;
let server: Bun.Server<undefined>;

beforeEach(() => {
  server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => answer(request) });
});

afterEach(async () => {
  setSystemTime();
  mock.restore();
  await server.stop(true);
});

const run = (path = "/") => fetchApiData.run({ url: new URL(path, server.url).href }, fakeContext());

describe("without FETCH_ALLOW_PRIVATE", () => {
  beforeEach(() => environment("FETCH_ALLOW_PRIVATE", undefined));

  const hosts = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "10.0.0.1",
    "169.254.169.254",
    "0.0.0.0",
    "2130706433",
    "0x7f000001",
    "017700000001",
  ];
  test.each(hosts)("%s is refused, and nothing connects", async (host) => {
    let connected = false;
    answer = () => {
      connected = true;
      return new Response();
    };
    const url = `http://${host}:${server.port}/`;
    const failure = await failureOf(() => fetchApiData.run({ url }, fakeContext()));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toContain("is not a public address; FETCH_ALLOW_PRIVATE=1 allows it");
    expect(connected).toBe(false);
  });

  test.each(["true", "0", "yes", ""])("a value of %j allows nothing", async (value) => {
    environment("FETCH_ALLOW_PRIVATE", value);
    expect(await failureOf(run)).toBeInstanceOf(PermanentError);
  });
});

describe("with FETCH_ALLOW_PRIVATE=1", () => {
  beforeEach(() => environment("FETCH_ALLOW_PRIVATE", "1"));

  test("JSON comes back parsed", async () => {
    answer = () => Response.json({ items: [1, 2] });
    expect(await run("/items?page=2")).toEqual({
      url: `${server.url}items?page=2`,
      status: 200,
      content_type: "application/json;charset=utf-8",
      body: { items: [1, 2] },
    });
  });

  test.each(["application/problem+json", "application/vnd.api+json; charset=utf-8"])("%s is JSON too", async (type) => {
    answer = () => new Response("[true]", { headers: { "content-type": type } });
    expect((await run()).body).toEqual([true]);
  });

  test("text comes back as text, in its own charset", async () => {
    const latin1 = Uint8Array.from([0x67, 0x72, 0xfc, 0x6e]);
    answer = () => new Response(latin1, { headers: { "content-type": "text/plain; charset=iso-8859-1" } });
    expect((await run()).body).toBe("grün");
  });

  test("an empty answer is null", async () => {
    answer = () => new Response(null, { status: 204 });
    expect(await run()).toMatchObject({ status: 204, body: null });
  });

  test("bytes that are no text fail for good, and are not mangled", async () => {
    answer = () => new Response(Uint8Array.from([0xff, 0xfe, 0xfd]), { headers: { "content-type": "image/png" } });
    const failure = await failureOf(run);
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toBe("The answer (image/png) is not utf-8 text");
  });

  test("JSON that is none fails, and may be tried again", async () => {
    answer = () => new Response("{", { headers: { "content-type": "application/json" } });
    const failure = await failureOf(run);
    expect(failure).not.toBeInstanceOf(PermanentError);
    expect(failure.message).toStartWith(`${server.url}: `);
  });

  test("a redirect is followed and the final URL reported", async () => {
    answer = ({ url }) => (url.endsWith("/old") ? Response.redirect("/new", 308) : new Response("moved"));
    expect(await run("/old")).toMatchObject({ url: `${server.url}new`, body: "moved" });
  });

  test("a proxy of the environment is left aside: it would look the host up by itself", async () => {
    const proxy = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("by the proxy") });
    for (const name of ["HTTP_PROXY", "http_proxy"]) environment(name, proxy.url.href);
    for (const name of ["NO_PROXY", "no_proxy"]) environment(name, undefined);
    answer = () => new Response("directly");
    expect((await run()).body).toBe("directly");
    await proxy.stop(true);
  });

  test("an answer of exactly the limit is kept", async () => {
    answer = () => new Response("x".repeat(limit));
    expect((await run()).body).toBe("x".repeat(limit));
  });

  test("a longer one is cut off at the limit, though it would go on without end", async () => {
    const hungUp = Promise.withResolvers<void>();
    answer = () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(120)),
          cancel: () => hungUp.resolve(),
        }),
      );
    const failure = await failureOf(run);
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toBe(`The answer is larger than ${limit} bytes`);
    await hungUp.promise;
  });

  test("the limit holds for what was compressed", async () => {
    const bomb = Bun.gzipSync(new Uint8Array(50_000_000));
    answer = () => new Response(bomb, { headers: { "content-encoding": "gzip" } });
    expect((await failureOf(run)).message).toBe(`The answer is larger than ${limit} bytes`);
  });

  test.each([400, 401, 404, 410])("%d fails for good", async (status) => {
    answer = () => new Response("no", { status });
    const failure = await failureOf(run);
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toBe(`${server.url} answered ${status}`);
  });

  test.each([408, 429, 500, 502, 503])("%d may be tried again", async (status) => {
    answer = () => new Response("later", { status });
    const failure = await failureOf(run);
    expect(failure).not.toBeInstanceOf(PermanentError);
    expect(failure).not.toBeInstanceOf(RetryAfter);
    expect(failure.message).toEndWith(`answered ${status}`);
  });

  const now = new Date("2026-01-01T00:00:00Z");
  test.each<[status: number, header: string, seconds: number]>([
    [429, "7", 7],
    [503, "0", 0],
    [503, "Thu, 01 Jan 2026 00:02:00 GMT", 120],
    [429, "Wed, 31 Dec 2025 00:00:00 GMT", 0],
    [429, "99999999999", 86_400],
  ])("%d with Retry-After: %s waits %d seconds", async (status, header, seconds) => {
    answer = () => new Response("later", { status, headers: { "retry-after": header } });
    setSystemTime(now);
    const failure = await failureOf(run);
    expect(failure).toBeInstanceOf(RetryAfter);
    expect(failure).toMatchObject({ seconds });
  });

  test("a Retry-After that says nothing leaves it to the backoff", async () => {
    answer = () => new Response("later", { status: 503, headers: { "retry-after": "soon" } });
    const failure = await failureOf(run);
    expect(failure).not.toBeInstanceOf(RetryAfter);
    expect(failure).not.toBeInstanceOf(PermanentError);
    expect(failure.message).toEndWith("answered 503");
  });

  test("a server that is not there may be tried again", async () => {
    answer = () => new Response();
    const url = `${server.url}`;
    await server.stop(true);
    const failure = await failureOf(() => fetchApiData.run({ url }, fakeContext()));
    expect(failure).not.toBeInstanceOf(PermanentError);
    expect(failure.message).toStartWith(`${url}: `);
  });

  test("a server that does not answer within 30 seconds may be tried again", async () => {
    const clock = new AbortController();
    const timeout = spyOn(AbortSignal, "timeout").mockReturnValue(clock.signal);
    answer = () => {
      clock.abort(new DOMException("The operation timed out.", "TimeoutError"));
      return new Promise(() => undefined);
    };
    const failure = await failureOf(run);
    expect(failure).not.toBeInstanceOf(PermanentError);
    expect(failure.message).toBe(`${server.url}: The operation timed out.`);
    expect(timeout).toHaveBeenCalledWith(30_000);
  });

  test("an abort ends a request that waits for its answer", async () => {
    const context = fakeContext();
    answer = () => {
      context.abort(new Error("told to stop"));
      return new Promise(() => undefined);
    };
    const failure = await failureOf(() => fetchApiData.run({ url: `${server.url}` }, context));
    expect(failure.message).toBe("told to stop");
  });

  test("an abort ends a body that does not come to its end", async () => {
    const context = fakeContext();
    answer = () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode("so far")),
          pull: () => {
            context.abort(new Error("told to stop"));
            return new Promise(() => undefined);
          },
        }),
      );
    const failure = await failureOf(() => fetchApiData.run({ url: `${server.url}` }, context));
    expect(failure.message).toBe("told to stop");
  });
});
