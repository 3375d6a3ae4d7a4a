import { describe, expect, test } from "bun:test";
import { assets } from "../../../src/http/docs/assets.ts";
import { createDocsApp } from "./app.ts";

describe.each(["/docs", "/redoc"])("the page %s", (path) => {
  test("allows nothing but this server's files, and no script in the page itself", async () => {
    const response = await createDocsApp([]).get(path);
    const policy = response.headers.get("content-security-policy") ?? "";
    const html = await response.text();
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(policy).not.toMatch(/unsafe-|https?:|\*/);
    for (const directive of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'self'",
    ]) {
      expect(policy).toContain(directive);
    }
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\son\w+=|https?:/);
  });

  test("asks for assets that are there, and may be kept for ever", async () => {
    const { get } = createDocsApp([]);
    const addresses = (await (await get(path)).text()).match(/\/docs\/assets\/[^"]+/g) ?? [];
    expect(addresses.length).toBeGreaterThan(3);
    for (const address of addresses) {
      const response = await get(address);
      expect(response.status).toBe(200);
      expect(response.headers.get("cache-control")).toContain("immutable");
    }
  });
});

describe("an asset", () => {
  test.each(assets.map(({ name }) => name))(
    "%s comes compressed to who takes that, and as it is to who does not",
    async (name) => {
      const { get } = createDocsApp([]);
      const plain = await get(`/docs/assets/${name}`);
      const zipped = await get(`/docs/assets/${name}`, { "accept-encoding": "br, gzip;q=0.5" });
      const refused = await get(`/docs/assets/${name}`, { "accept-encoding": "gzip;q=0, br" });
      expect([plain, zipped, refused].map(({ headers }) => headers.get("content-encoding"))).toEqual([
        null,
        "gzip",
        null,
      ]);
      expect(zipped.headers.get("vary")).toBe("Accept-Encoding, Origin");
      expect(zipped.headers.get("etag")).not.toBe(plain.headers.get("etag"));
      const bytes = await plain.bytes();
      expect(bytes.length).toBeGreaterThan(100);
      expect(Bun.gunzipSync(await zipped.bytes())).toEqual(bytes);
    },
  );

  test("is asked for again by who has it already, and not sent again", async () => {
    const { get } = createDocsApp([]);
    const first = await get("/docs/assets/docs-client.css");
    expect(first.headers.get("cache-control")).toBe("no-cache");
    const again = await get("/docs/assets/docs-client.css", {
      "if-none-match": `"other", W/${first.headers.get("etag")}`,
    });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
  });
});
