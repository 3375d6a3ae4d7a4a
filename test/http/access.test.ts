import { describe, expect, test } from "bun:test";
import { problemOf, testApp } from "../support/app.ts";

const writer = { name: "ops", key: "w".repeat(20), scope: "write" } as const;
const reader = { name: "board", key: "r".repeat(20), scope: "read" } as const;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe("without keys", () => {
  test.each(["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000"])(
    "the Host %s is answered",
    async (host) => {
      const { request } = await testApp();
      expect((await request("/", { headers: { host } })).status).toBe(200);
    },
  );

  test.each(["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", "10.0.0.5:8000"])(
    "the Host %s is not: its name may have been rebound to this machine",
    async (host) => {
      const { request } = await testApp();
      expect(await problemOf(await request("/api/v1/tasks", { headers: { host } }))).toMatchObject({
        status: 403,
        code: "forbidden",
      });
    },
  );

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
    expect(preflight.headers.get("access-control-allow-methods")).toContain("POST");
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

  test("nothing is answered without one, but for health and the pages of the docs, which hold no data", async () => {
    const { request, post } = await testApp({ access });
    for (const path of ["/", "/api/v1/tasks", "/api/v1/metrics", "/docs/json"]) {
      expect(await problemOf(await request(path))).toMatchObject({ status: 401, code: "unauthorized" });
    }
    expect((await problemOf(await post("/api/v1/tasks", { func_name: "echo" }))).status).toBe(401);
    const open = ["/health", "/health/live", "/health/ready", "/docs", "/redoc", "/docs/assets/swagger-ui.css"];
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
});
