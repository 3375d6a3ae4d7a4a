import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { launchBrowser, launchTimeoutMs } from "../../support/browser.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { expectAccessible, expectToFit, pageTimeoutMs, phone, visit } from "./visit.ts";

const key = "a-key-of-this-server";

let browser: Browser;
let server: TestServer;

beforeAll(async () => {
  [browser, server] = await Promise.all([
    launchBrowser(),
    startServer({ env: { TASKFLOW_API_KEYS: `ops:${key}:read`, TASKFLOW_RETENTION_FAILED: "1234" } }),
  ]);
}, launchTimeoutMs);

afterAll(async () => {
  await Promise.all([browser?.close(), server?.[Symbol.asyncDispose]()]);
});

test(
  "shows versions, store, health and the configuration in effect, and no secret",
  async () => {
    await using visited = await visit(browser, server.url, `/dashboard/system#key=${key}`);
    const { page, watch } = visited;
    await page.getByText("healthy").waitFor();
    await page.getByText(/^SQLite \d/).waitFor();
    await page.getByRole("row").filter({ hasText: "TASKFLOW_RETENTION_FAILED" }).getByText("1234").waitFor();
    await page.getByText("ops (read)").waitFor();
    expect(await page.locator("body").textContent()).not.toContain(key);
    await expectAccessible(page);
    expect(watch).toEqual({ errors: [], outside: [] });
  },
  pageTimeoutMs,
);

test(
  "fits a phone",
  async () => {
    await using visited = await visit(browser, server.url, `/dashboard/system#key=${key}`, phone);
    await visited.page.getByText("healthy").waitFor();
    await expectToFit(visited.page);
    await expectAccessible(visited.page);
  },
  pageTimeoutMs,
);

test(
  "an address that leads nowhere says so",
  async () => {
    await using visited = await visit(browser, server.url, `/dashboard/nowhere#key=${key}`);
    await visited.page.getByText("There is nothing at this address").waitFor();
    await visited.page.getByRole("link", { name: "Go to the overview" }).click();
    await visited.page.getByRole("region", { name: "Workers", exact: true }).waitFor();
  },
  pageTimeoutMs,
);
