import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, launchTimeoutMs } from "../../support/browser.ts";
import { startServer, type TemporaryFolder, type TestServer, temporaryFolder } from "../../support/server.ts";
import { dashboardHandlers, send } from "./handlers.ts";
import { expectAccessible, expectToFit, pageTimeoutMs, phone, visit } from "./visit.ts";

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
  "says what the first step is where there are none",
  async () => {
    await using empty = await temporaryFolder();
    await using own = await startServer({ tasksDir: empty.path });
    await using visited = await visit(browser, own.url, "/dashboard/periodic");
    await visited.page.getByText("No periodic tasks yet").waitFor();
    await expectAccessible(visited.page);
  },
  pageTimeoutMs,
);

test(
  "creates one, with what the expression means as it is typed",
  async () => {
    await using visited = await visit(browser, server.url, "/dashboard/periodic");
    const { page, watch } = visited;
    await page.getByRole("link", { name: "orders" }).waitFor();
    await page.getByRole("button", { name: "New…" }).click();
    await page.getByLabel("Name", { exact: true }).fill("nightly");
    await page.getByLabel(/^Handler/).selectOption("echo");
    const when = page.getByLabel("When (cron)");
    await when.fill("30 2 * * 8");
    await page.getByRole("status").filter({ hasText: "8" }).filter({ hasText: "wrong" }).waitFor();
    await when.fill("30 2 * * 1-5");
    await page.getByLabel("Time zone").fill("Europe/Berlin");
    await page.getByText("At 02:30, Monday through Friday").waitFor();
    expect(await page.locator(".times li").count()).toBe(5);
    await page.locator(".times li").first().getByText("02:30:00").waitFor();
    await page.getByLabel("Input by name, as JSON").fill('{"a": 1}');
    await expectAccessible(page);
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByRole("link", { name: "nightly" }).waitFor();
    expect(await send<object>(server.url, "GET", "/api/v1/periodic-tasks/nightly")).toMatchObject({
      func_name: "echo",
      cron_expression: "30 2 * * 1-5",
      timezone: "Europe/Berlin",
      kwargs: { a: 1 },
      overlap: "skip",
      source: "api",
    });
    // A preview of what is wrong is an answer of 400, which browsers log.
    expect(watch.errors.filter((line) => !line.includes("400"))).toEqual([]);
  },
  pageTimeoutMs,
);

test(
  "changes, pauses, resumes, triggers and deletes one",
  async () => {
    await create("acted on");
    await using visited = await visit(browser, server.url, "/dashboard/periodic/acted%20on");
    const { page } = visited;
    await page.getByRole("button", { name: "Change…" }).click();
    await page.getByLabel("When (cron)").fill("@hourly");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("@hourly").waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("None while it is paused.").waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByText("active").waitFor();
    await page.getByRole("button", { name: "Trigger now" }).click();
    await page.waitForURL(/\/dashboard\/tasks\//);
    await page.getByRole("link", { name: "acted on" }).click();
    await page.getByRole("button", { name: "Delete…" }).click();
    await page.getByRole("button", { name: "Leave it" }).click();
    await page.getByRole("button", { name: "Delete…" }).click();
    await page.getByRole("button", { name: "Delete 1 periodic task" }).click();
    await page.waitForURL(/\/dashboard\/periodic$/);
    await page.getByRole("link", { name: "orders" }).waitFor();
    expect(await page.getByRole("link", { name: "acted on" }).count()).toBe(0);
  },
  pageTimeoutMs,
);

test(
  "shows what became of its times",
  async () => {
    await create("every second", "* * * * * *");
    await using visited = await visit(browser, server.url, "/dashboard/periodic");
    const { page } = visited;
    await page.getByRole("link", { name: "every second" }).click();
    await page.getByRole("cell", { name: "fired" }).first().waitFor();
    await page.getByRole("img", { name: /^The latest times: \d+ fired/ }).waitFor();
    await expectAccessible(page);
    await send(server.url, "DELETE", "/api/v1/periodic-tasks/every%20second");
  },
  pageTimeoutMs,
);

test(
  "one that a handler declares is changed there, and can be paused here",
  async () => {
    await using visited = await visit(browser, server.url, "/dashboard/periodic/orders", phone);
    const { page } = visited;
    await page.getByText("At 03:00").waitFor();
    expect(await page.getByRole("button", { name: "Change…" }).isDisabled()).toBe(true);
    expect(await page.getByRole("button", { name: "Delete…" }).getAttribute("title")).toContain("handler declares it");
    await button(page, "Pause").click();
    await button(page, "Resume").click();
    await button(page, "Pause").waitFor();
    await expectToFit(page);
    await expectAccessible(page);
  },
  pageTimeoutMs,
);

function button(page: Page, name: string) {
  return page.getByRole("button", { name });
}

async function create(name: string, cron_expression = "@daily"): Promise<void> {
  await send(server.url, "POST", "/api/v1/periodic-tasks", { name, func_name: "echo", cron_expression });
}
