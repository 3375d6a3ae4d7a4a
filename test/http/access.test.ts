import { describe, expect, test } from "bun:test";
import type { AccessOptions } from "../../src/http/access.ts";
import { problemOf, testApp } from "../support/app.ts";
import { checkedOpenApi, operationsOf } from "../support/openapi.ts";

const writer = { name: "ops", key: "w".repeat(20), scope: "write" } as const;
const reader = { name: "board", key: "r".repeat(20), scope: "read" } as const;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe("without keys", () => {
  test("a page of another origin can neither read nor submit", async () => {
    const { request, post } = await testApp();
    for (const origin of ["http://evil.example", "null", "http://localhost.evil.example"]) {
      expect((await problemOf(await request("/api/v1/tasks", { headers: { origin } }))).code).toBe("forbidden");
      const submitted = await post("/api/v1/tasks", { func_name: "echo" }, { origin });
      expect((await problemOf(submitted)).code).toBe("forbidden");
    }
    expect(await (await request("/api/v1/tasks")).json()).toEqual([]);
  });

  test("a page of this machine may, and is told so by CORS", async () => {
    const { post, request } = await testApp();
    const headers = { origin: "http://localhost:3000" };
    const response = await post("/api/v1/tasks", { func_name: "echo" }, headers);
    expect(response.status).toBe(201);
    expect(response.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    const preflight = await request("/api/v1/tasks", { method: "OPTIONS", headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-methods")).toBe("GET, POST, PATCH, DELETE");
    const refused = await post("/api/v1/tasks", { func_name: "nope" }, headers);
    expect(refused.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
  });

  test("configured origins take the place of this machine's", async () => {
    const { request } = await testApp({ access: { corsOrigins: ["https://app.example"] } });
    expect((await request("/", { headers: { origin: "https://app.example" } })).status).toBe(200);
    expect((await request("/", { headers: { origin: "http://localhost:3000" } })).status).toBe(403);
  });
});

describe("with keys", () => {
  const access = { keys: [writer, reader] };

  test("nothing is answered without one, but for health and what holds no data: the front door and the pages of the docs", async () => {
    const { request, post } = await testApp({ access });
    for (const path of ["/api/v1/tasks", "/api/v1/metrics", "/docs/json"]) {
      expect(await problemOf(await request(path))).toMatchObject({ status: 401, code: "unauthorized" });
    }
    expect((await problemOf(await post("/api/v1/tasks", { func_name: "echo" }))).status).toBe(401);
    const open = ["/", "/health", "/health/live", "/health/ready", "/docs", "/redoc", "/docs/assets/swagger-ui.css"];
    for (const path of open) expect((await request(path)).status).toBe(200);
  });

  test.each(["", "Bearer", "Bearer x", `Bearer ${writer.key}x`, `Basic ${writer.key}`, writer.key])(
    "Authorization: %s does not do",
    async (authorization) => {
      const { request } = await testApp({ access });
      expect((await request("/api/v1/tasks", { headers: { authorization } })).status).toBe(401);
    },
  );

  test("a page of an allowed origin can read why it is refused, and no other can", async () => {
    const { request } = await testApp({ access });
    const allowed = await request("/api/v1/tasks", { headers: { origin: "http://localhost:3000" } });
    expect(allowed.status).toBe(401);
    expect(allowed.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    const other = await request("/api/v1/tasks", { headers: { origin: "http://evil.example" } });
    expect(other.headers.has("access-control-allow-origin")).toBe(false);
  });

  test("a write key does everything, from any Host", async () => {
    const { post } = await testApp({ access });
    const headers = { ...bearer(writer.key), host: "tasks.example" };
    expect((await post("/api/v1/tasks", { func_name: "echo" }, headers)).status).toBe(201);
  });

  test("a read key reads and changes nothing", async () => {
    const { request, post } = await testApp({ access });
    expect((await request("/api/v1/tasks", { headers: bearer(reader.key) })).status).toBe(200);
    const response = await post("/api/v1/tasks", { func_name: "echo" }, bearer(reader.key));
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status: 403, code: "forbidden" });
    expect(problem.detail).not.toContain(reader.key);
  });

  test("who tries wrong keys is refused for a while, and who sends none or needs none is not", async () => {
    let now = 0;
    const { request } = await testApp({ access: { ...access, now: () => now } });
    const attempt = async (key: string, path = "/api/v1/tasks") => request(path, { headers: bearer(key) });
    expect((await attempt(reader.key)).status).toBe(200);
    for (let n = 0; n < 10; n++) expect((await attempt(`wrong${n}`)).status).toBe(401);
    now += 20_000;
    const refused = await attempt("wrong");
    expect(refused.headers.get("retry-after")).toBe("40");
    expect(await problemOf(refused)).toMatchObject({ status: 429, code: "too_many_wrong_keys" });
    expect((await attempt(writer.key)).status).toBe(429);
    expect((await attempt(reader.key)).status).toBe(200);
    expect((await attempt("wrong", "/health")).status).toBe(200);
    expect((await request("/api/v1/tasks")).status).toBe(401);
    now += 40_000;
    expect((await attempt(writer.key)).status).toBe(200);
  });

  test("a refusal says how to come in", async () => {
    const { request } = await testApp({ access });
    expect((await request("/api/v1/tasks")).headers.get("www-authenticate")).toBe("Bearer");
  });

  test("what is asked for is what is checked, however it is written", async () => {
    const { request } = await testApp({ access });
    for (const path of [
      "/health/../api/v1/tasks",
      "/docs/assets/..%2f..%2fapi/v1/tasks",
      "/health%2f..%2fapi/v1/tasks",
      "/docs/assets/%2e%2e/%2e%2e/api/v1/tasks",
      "//health",
      "/health;/api/v1/tasks",
      "/api/v1/tasks?/health",
      "/api/v1/tasks#/health",
      "/HEALTH",
    ]) {
      expect([path, (await request(path)).status]).toEqual([path, 401]);
    }
  });
});

describe.each(await everyRoute())("%s %s", (method, path, isOpen) => {
  let time = 0;
  const access = { keys: [writer, reader], now: () => (time += 60_000) };
  const ask = async (headers: Record<string, string> = {}, options: Partial<AccessOptions> = access) => {
    const { request } = await testApp({ access: options });
    const body = method === "GET" ? {} : { body: "{}" };
    return request(path, { method, headers: { "content-type": "application/json", ...headers }, ...body });
  };

  test(isOpen ? "needs no key" : "wants a key", async () => {
    for (const headers of [{}, bearer("wrong"), { "sec-websocket-protocol": "bearer, wrong" }]) {
      const response = await ask(headers);
      if (isOpen) expect(response.status).toBeLessThan(400);
      else expect(await problemOf(response)).toMatchObject({ status: 401, code: "unauthorized" });
    }
    for (const headers of [bearer(writer.key), { "sec-websocket-protocol": `bearer, ${writer.key}` }]) {
      expect([401, 403]).not.toContain((await ask(headers)).status);
    }
  });

  test(method === "GET" ? "lets a read key read" : "refuses a read key", async () => {
    const { status } = await ask(bearer(reader.key));
    if (method === "GET") expect([401, 403]).not.toContain(status);
    else expect(status).toBe(403);
  });

  test("refuses a rebound name, a foreign page and what such a page loads, with a key or without", async () => {
    const rebound = { host: "evil.example", origin: "http://evil.example" };
    expect((await ask({ host: "evil.example" }, {})).status).toBe(403);
    expect((await ask(rebound, {})).status).toBe(403);
    for (const headers of [
      { origin: "http://evil.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" },
    ]) {
      expect((await ask(headers, {})).status).toBe(403);
      expect((await ask({ ...headers, ...bearer(writer.key) })).status).toBe(403);
    }
  });

  test("tells browsers to be careful with the answer, be it a refusal", async () => {
    for (const headers of [bearer(writer.key), bearer("wrong"), { origin: "null" }]) {
      const answer = (await ask(headers)).headers;
      expect(answer.get("x-content-type-options")).toBe("nosniff");
      expect(answer.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(answer.get("content-security-policy")).toContain("default-src 'none'");
      expect(answer.get("referrer-policy")).toBe("no-referrer");
      expect(answer.get("cross-origin-resource-policy")).toBe("same-origin");
      expect(answer.get("vary")).toContain("Origin");
      expect(answer.has("server")).toBe(false);
      expect(answer.has("x-powered-by")).toBe(false);
    }
  });
});

/** As the document has them, and the files that pages load; each with whether it needs no key. */
async function everyRoute(): Promise<readonly (readonly [method: string, path: string, isOpen: boolean])[]> {
  const { request } = await testApp();
  const document = checkedOpenApi(await (await request("/docs/json")).json());
  const pages = operationsOf(document).map(
    ({ method, path, isOpen }) => [method, path.replace(/\{[^}]+\}/g, "x"), isOpen] as const,
  );
  expect(pages.length).toBeGreaterThan(20);
  // What needs no key is there to be looked at, and holds nothing of the tasks.
  const open = pages.filter(([, , isOpen]) => isOpen).map(([method, path]) => `${method} ${path}`);
  expect(open.join("\n")).not.toMatch(/^(?!GET)|\/api\/|\/ws|metrics|json/m);
  return [...pages, ["GET", "/docs/assets/swagger-ui.css", true]];
}
