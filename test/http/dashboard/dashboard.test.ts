import { describe, expect, test } from "bun:test";
import { testApp } from "../../support/app.ts";

const reader = { name: "dash", key: "reader-key", scope: "read" } as const;
const writer = { name: "ops", key: "writer-key", scope: "write" } as const;

describe("the page", () => {
  test("is the same at every address below it, under a policy that lets it load its own files only", async () => {
    const { request } = await testApp();
    const page = await request("/dashboard");
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    expect(page.headers.get("referrer-policy")).toBe("no-referrer");
    const text = await page.text();
    expect(await (await request("/dashboard/tasks/some-id")).text()).toBe(text);
    // Inline, it would be refused.
    expect(text).not.toMatch(/<style|<script(?![^>]* src=)| on\w+=| style=/);
    expect(text).not.toContain("//unpkg");
  });

  test("loads files that may be kept for ever, for their names carry what is in them", async () => {
    const { request } = await testApp();
    const paths = await filesOf(request);
    expect(paths).toHaveLength(2);
    for (const path of paths) {
      const file = await request(path);
      expect(file.status).toBe(200);
      expect(file.headers.get("content-type")).toMatch(/^text\/(css|javascript); charset=utf-8$/);
      expect(file.headers.get("cache-control")).toContain("immutable");
    }
    expect((await request("/dashboard/assets/chunk-of-yesterday.js")).status).toBe(404);
  });

  test("is not sent again to a browser that has it", async () => {
    const { request } = await testApp();
    const etag = (await request("/dashboard")).headers.get("etag") ?? "";
    expect((await request("/dashboard", { headers: { "if-none-match": etag } })).status).toBe(304);
  });

  test("comes, with all that it loads, in under 150 KB compressed", async () => {
    const { request } = await testApp();
    const headers = { "accept-encoding": "gzip" };
    const sizes = ["/dashboard", ...(await filesOf(request))].map(async (path) => {
      const response = await request(path, { headers });
      expect(response.headers.get("content-encoding")).toBe("gzip");
      return (await response.arrayBuffer()).byteLength;
    });
    const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    expect(total).toBeGreaterThan(10_000);
    expect(total).toBeLessThan(150_000);
  });
});

describe("with keys", () => {
  const access = { keys: [writer, reader] };

  test("the page is open, for it holds no data, and a browser is led to it", async () => {
    const { request } = await testApp({ access });
    for (const path of ["/dashboard", "/dashboard/tasks", ...(await filesOf(request))])
      expect((await request(path)).status).toBe(200);
    const browser = await request("/", { headers: { accept: "text/html,*/*" } });
    expect([browser.status, browser.headers.get("location")]).toEqual([302, "/dashboard"]);
    expect((await request("/dashboardx")).status).toBe(401);
  });

  test("a request learns what its key allows", async () => {
    const { request } = await testApp({ access });
    const ask = async (key: string) => {
      const response = await request("/api/v1/access", { headers: { authorization: `Bearer ${key}` } });
      return response.status === 200 ? await response.json() : response.status;
    };
    expect(await ask(writer.key)).toEqual({ may_write: true });
    expect(await ask(reader.key)).toEqual({ may_write: false });
    expect(await ask("another")).toBe(401);
  });
});

test("without keys everyone may write", async () => {
  const { request } = await testApp();
  expect(await (await request("/api/v1/access")).json()).toEqual({ may_write: true });
});

type Request = Awaited<ReturnType<typeof testApp>>["request"];

/** What the page loads. */
async function filesOf(request: Request): Promise<readonly string[]> {
  const text = await (await request("/dashboard")).text();
  return [...text.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, path]) => path ?? "");
}
