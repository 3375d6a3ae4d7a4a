import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { launchBrowser, launchTimeoutMs } from "../../support/browser.ts";
import { startServer, type TemporaryFolder, type TestServer, temporaryFolder } from "../../support/server.ts";
import { dashboardHandlers, send, submit } from "./handlers.ts";
import { expectAccessible, expectToFit, isLive, pageTimeoutMs, phone, visit } from "./visit.ts";

let browser: Browser;
let folder: TemporaryFolder;
let server: TestServer;

beforeAll(async () => {
  folder = await dashboardHandlers();
  [browser, server] = await Promise.all([launchBrowser(), startServer({ tasksDir: folder.path })]);
}, launchTimeoutMs);

afterAll(async () => {
  await Promise.all([browser?.close(), server?.[Symbol.asyncDispose]()]);
  await folder?.[Symbol.asyncDispose]();
});

test(
  "lists them all, and of one that does not load the place and the reason",
  async () => {
    await using visited = await visit(browser, server.url, "/dashboard/handlers");
    const { page, watch } = visited;
    await page.getByRole("link", { name: "orders:import" }).waitFor();
    const broken = page.getByRole("row").filter({ hasText: "does not load" });
    await broken.getByText(/^broken\.ts:1: /).waitFor();
    await expectAccessible(page);
    await broken.getByRole("link", { name: "broken" }).click();
    await page.getByText("Until it loads, submissions are refused.").waitFor();
    expect(await page.getByRole("button", { name: "Submit" }).count()).toBe(0);
    expect(watch).toEqual({ errors: [], outside: [] });
  },
  pageTimeoutMs,
);

test(
  "says what the first step is where there are none",
  async () => {
    await using empty = await temporaryFolder();
    await using own = await startServer({ tasksDir: empty.path });
    await using visited = await visit(browser, own.url, "/dashboard/handlers");
    await visited.page.getByText("Drop a TypeScript file into the tasks folder").waitFor();
    await expectAccessible(visited.page);
  },
  pageTimeoutMs,
);

test(
  "makes a form from the input schema, submits it and follows the task",
  async () => {
    await using visited = await visit(browser, server.url, "/dashboard/handlers/orders%3Aimport");
    const { page, watch } = visited;
    expect(await page.getByRole("textbox", { name: /^pages/ }).inputValue()).toBe("5");
    await page.getByRole("textbox", { name: /^shop/ }).fill("berlin");
    await page.getByRole("textbox", { name: /^pages/ }).fill("7");
    await page.getByLabel("mode").selectOption("full");
    await page.getByLabel("dry").check();
    await page.getByRole("button", { name: "Give filter" }).click();
    await page.getByLabel("country").fill("de");
    await page.getByRole("button", { name: "Add to tags" }).click();
    await page.getByRole("textbox", { name: /^1/ }).fill("new");
    await expectAccessible(page);
    await page.getByRole("button", { name: "Submit" }).click();
    await page.waitForURL(/\/dashboard\/tasks\/[0-9a-f-]{36}$/);
    await page.getByText("completed", { exact: true }).first().waitFor();
    const id = new URL(page.url()).pathname.split("/").at(-1);
    expect(await send<object>(server.url, "GET", `/api/v1/tasks/${id}`)).toMatchObject({
      func_name: "orders:import",
      kwargs: { shop: "berlin", pages: 7, mode: "full", dry: true, filter: { country: "de", tags: ["new"] } },
      priority: 1,
    });
    expect(watch).toEqual({ errors: [], outside: [] });
  },
  pageTimeoutMs,
);

test(
  "says at the field what is wrong with it, and takes JSON as well",
  async () => {
    await using visited = await visit(browser, server.url, "/dashboard/handlers/orders%3Aimport");
    const { page } = visited;
    await page.getByRole("textbox", { name: /^pages/ }).fill("100");
    await page.getByRole("button", { name: "Submit" }).click();
    await page.locator("#field\\/kwargs\\/pages[aria-invalid=true]").waitFor();
    await page.getByRole("button", { name: "Edit as JSON" }).click();
    await page.getByLabel("Input as JSON").fill('{"shop": "wien"}');
    await page.getByRole("button", { name: "Back to the form" }).click();
    expect(await page.getByRole("textbox", { name: /^shop/ }).inputValue()).toBe("wien");
    await page.getByRole("button", { name: "Submit" }).click();
    await page.waitForURL(/\/dashboard\/tasks\//);
    await page.getByText('"wien"').first().waitFor();
  },
  pageTimeoutMs,
);

test(
  "a handler without a schema takes JSON",
  async () => {
    await using visited = await visit(browser, server.url, "/dashboard/handlers/echo");
    const { page } = visited;
    await page.getByLabel("Input as JSON").fill('{"a": [1, 2]}');
    await page.getByRole("button", { name: "Submit" }).click();
    await page.waitForURL(/\/dashboard\/tasks\//);
    await page.getByText("completed", { exact: true }).first().waitFor();
  },
  pageTimeoutMs,
);

test.each(["light", "dark"] as const)(
  "shows how one fares, %s",
  async (colorScheme) => {
    await submit(server.url, "orders:import", { shop: "x" });
    await using visited = await visit(browser, server.url, "/dashboard/handlers/orders%3Aimport", { colorScheme });
    const { page } = visited;
    await isLive(page);
    await page.getByRole("img", { name: "Tasks a minute, by what became of them" }).waitFor();
    await page.getByRole("link", { name: "orders", exact: true }).waitFor();
    await expectAccessible(page);
  },
  pageTimeoutMs,
);

test(
  "fits a phone",
  async () => {
    await using visited = await visit(browser, server.url, "/dashboard/handlers", phone);
    await visited.page.getByRole("link", { name: "orders:import" }).click();
    await visited.page.getByRole("textbox", { name: /^shop/ }).waitFor();
    await expectToFit(visited.page);
    await expectAccessible(visited.page);
  },
  pageTimeoutMs,
);
