import { describe, expect, test } from "bun:test";
import { TaskflowError } from "../../src/domain/error.ts";
import { createOriginCheck, type OriginOptions } from "../../src/http/origin.ts";

/** Null when it is let in, else the reason. */
function refusal(headers: Record<string, string>, options: Partial<OriginOptions> = {}, method = "POST") {
  const check = createOriginCheck({ isLoopbackOnly: true, corsOrigins: null, ...options });
  try {
    check.check(new Request("http://localhost:8000/api/v1/tasks", { method, headers }));
    return null;
  } catch (error) {
    if (!(error instanceof TaskflowError)) throw error;
    expect(error.code).toBe("forbidden");
    return error.message;
  }
}

const here = { host: "localhost:8000" };

describe("without keys, the Host", () => {
  test.each(["localhost", "LocalHost:8000", "localhost.", "localhost.:80", "127.0.0.1", "127.8.8.8:1", "[::1]:8000"])(
    "%s is this machine's",
    (host) => {
      expect(refusal({ host })).toBeNull();
    },
  );

  test.each([
    "",
    "evil.example",
    "localhost.evil.example",
    "evil-localhost",
    "127.0.0.1.evil.example:8000",
    "127.0.0.1@evil.example",
    "evil.example@localhost",
    "localhost:8000@evil.example",
    "localhost, evil.example",
    "evil.example, localhost",
    "localhost/",
    "localhost?x",
    "localhost:8000:9000",
    "localhost:",
    "local host",
    "0.0.0.0:8000",
    "10.0.0.5:8000",
    "[::]:8000",
    "[::1].evil.example",
    "[::1",
    "2130706433",
    "0x7f.1",
  ])("%p is not: the name may have been rebound to it", (host) => {
    expect(refusal({ host })).not.toBeNull();
  });

  test("is the one that counts, whatever a proxy's headers say", () => {
    for (const name of ["x-forwarded-host", "forwarded", "x-host", "x-original-host"]) {
      expect(refusal({ host: "evil.example", [name]: "localhost" })).not.toBeNull();
      expect(refusal({ ...here, [name]: "evil.example" })).toBeNull();
    }
  });
});

describe("with keys, the Host", () => {
  test.each(["tasks.example", "tasks.example:8443", "10.0.0.5:8000", "[2001:db8::1]:8000", "task_flow", "tf"])(
    "%s may be any",
    (host) => {
      expect(refusal({ host }, { isLoopbackOnly: false })).toBeNull();
    },
  );

  test.each(["", "a@b", "a, b", "a/b", "a b", "a:b"])("%p is none all the same", (host) => {
    expect(refusal({ host }, { isLoopbackOnly: false })).toBe("The request has no valid Host header.");
  });
});

describe("the origin", () => {
  test.each([
    "null",
    "",
    "http://evil.example",
    "https://localhost.evil.example",
    "http://localhost@evil.example",
    "http://evil.example@localhost:8000",
    "http://evil.example#localhost:8000",
    "http://evil.example/localhost:8000",
    "http://localhost:8000/",
    "http://localhost:8000 http://evil.example",
    "http://localhost:8000, http://evil.example",
    "http://127.0.0.1.evil.example",
    "http://10.0.0.5",
    "file://",
    "file://localhost",
    "chrome-extension://localhost",
    "localhost:8000",
    "//localhost:8000",
    "http://localhost:99999",
  ])("%p is a foreign page's", (origin) => {
    expect(refusal({ ...here, origin })).not.toBeNull();
    expect(refusal({ ...here, origin }, { isLoopbackOnly: false })).not.toBeNull();
  });

  test.each(["http://localhost:3000", "https://localhost", "http://127.0.0.1:5173", "http://[::1]:8000"])(
    "%s is this machine's",
    (origin) => {
      expect(refusal({ ...here, origin })).toBeNull();
    },
  );

  test("may be that of the server itself, as the browser knows it", () => {
    const at = (host: string, origin: string) => refusal({ host, origin }, { isLoopbackOnly: false, corsOrigins: [] });
    expect(at("tasks.example", "https://tasks.example")).toBeNull();
    expect(at("tasks.example:443", "https://tasks.example")).toBeNull();
    expect(at("Tasks.Example:8443", "https://tasks.example:8443")).toBeNull();
    expect(at("[2001:DB8::1]:8000", "http://[2001:db8::1]:8000")).toBeNull();
    expect(at("tasks.example", "https://tasks.example:8443")).not.toBeNull();
    expect(at("tasks.example:8000", "http://tasks.example:8001")).not.toBeNull();
    expect(at("tasks.example", "https://www.tasks.example")).not.toBeNull();
  });

  test("may be a configured one, and then this machine's no longer is", () => {
    const corsOrigins = ["https://app.example", "chrome-extension://abcdef"];
    for (const origin of corsOrigins) expect(refusal({ ...here, origin }, { corsOrigins })).toBeNull();
    for (const origin of ["http://localhost:3000", "https://app.example:444", "http://app.example"]) {
      expect(refusal({ ...here, origin }, { corsOrigins })).not.toBeNull();
    }
  });
});

describe("a request without Origin", () => {
  const loaded = (site: string, mode: string, method: string) =>
    refusal({ ...here, "sec-fetch-site": site, "sec-fetch-mode": mode }, {}, method);

  test("is let in from whatever is no browser", () => {
    expect(refusal(here)).toBeNull();
  });

  test.each(["cross-site", "same-site"])("is refused when a %s page loads or posts it", (site) => {
    expect(loaded(site, "no-cors", "GET")).not.toBeNull();
    expect(loaded(site, "navigate", "POST")).not.toBeNull();
  });

  test("is let in from the server's own pages, the address bar and a link on another site", () => {
    expect(loaded("same-origin", "cors", "GET")).toBeNull();
    expect(loaded("none", "navigate", "GET")).toBeNull();
    expect(loaded("cross-site", "navigate", "GET")).toBeNull();
  });
});

describe("CORS", () => {
  const headersFor = (origin: string | null, corsOrigins: readonly string[] | null = null) =>
    createOriginCheck({ isLoopbackOnly: true, corsOrigins }).corsHeaders(
      new Request("http://localhost:8000/", { headers: { ...here, ...(origin === null ? {} : { origin }) } }),
    );

  test("names the page's own origin and what it may read, and never allows cookies or any origin", () => {
    expect(headersFor("https://app.example", ["https://app.example"])).toEqual({
      "access-control-allow-origin": "https://app.example",
      "access-control-expose-headers": "Location, Link, Retry-After, X-Request-Id",
      vary: "Origin",
    });
  });

  test("says to caches that the answer depends on the origin, also where there is none or a foreign one", () => {
    expect(headersFor(null)).toEqual({ vary: "Origin" });
    expect(headersFor("https://evil.example")).toEqual({ vary: "Origin" });
  });
});
