import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { layLine } from "../../examples/line.ts";
import { launchBrowser, launchTimeoutMs } from "../../support/browser.ts";
import { startServer, type TemporaryFolder, type TestServer } from "../../support/server.ts";
import { dashboardHandlers, nasty, send, submit } from "./handlers.ts";
import { expectAccessible, expectToFit, pageTimeoutMs, phone, visit } from "./visit.ts";

let browser: Browser;
let folder: TemporaryFolder;
let server: TestServer;

beforeAll(async () => {
  folder = await dashboardHandlers();
  [browser, server] = await Promise.all([
    launchBrowser(),
    startServer({ tasksDir: folder.path, env: { TASKFLOW_SHUTDOWN_GRACE: "0" } }),
  ]);
}, launchTimeoutMs);

afterAll(async () => {
  await Promise.all([browser?.close(), server?.[Symbol.asyncDispose]()]);
  await folder?.[Symbol.asyncDispose]();
});

test(
  "shows input and result, and that there is no such task",
  async () => {
    const id = await submit(server.url, "echo", { answer: 42 });
    await using visited = await visit(browser, server.url, `/dashboard/tasks/${id}`);
    const { page, watch } = visited;
    await page.getByText("completed", { exact: true }).first().waitFor();
    await region(page, "Result").getByText('{ "answer": 42 }').waitFor();
    await region(page, "Input").getByText('{ "answer": 42 }').waitFor();
    await region(page, "Log").getByText("Nothing was logged").waitFor();
    await expectAccessible(page);
    expect(watch).toEqual({ errors: [], outside: [] });
    await page.goto(`${server.url}/dashboard/tasks/0198c5a8-7d3e-7c4f-9a51-2f1f0c6b8e21`);
    await page.getByText("There is no task 0198c5a8").waitFor();
  },
  pageTimeoutMs,
);

test(
  "follows a task while it runs, and cancels it",
  async () => {
    const id = await submit(server.url, "waits");
    await using visited = await visit(browser, server.url, `/dashboard/tasks/${id}`);
    const { page } = visited;
    await page.getByText("running", { exact: true }).first().waitFor();
    await region(page, "Log").getByText("waiting").waitFor();
    await page.getByText("25 %").waitFor();
    await page.getByRole("button", { name: "Cancel…" }).click();
    await page.getByRole("button", { name: "Cancel 1 task" }).click();
    await page.getByText("cancelled", { exact: true }).first().waitFor();
    expect(await page.getByRole("button", { name: "Cancel…" }).count()).toBe(0);
    await page.getByRole("button", { name: "Retry" }).click();
    await page.waitForURL((url) => url.pathname !== `/dashboard/tasks/${id}`);
    await page.getByText("running", { exact: true }).first().waitFor();
  },
  pageTimeoutMs,
);

test(
  "draws its attempts to scale, with the backoff between them",
  async () => {
    const id = await submit(server.url, "retries");
    await using visited = await visit(browser, server.url, `/dashboard/tasks/${id}`);
    const { page } = visited;
    await page.locator(".track > div").nth(1).waitFor();
    await page.locator(".track .run.failed").nth(1).waitFor();
    const attempts = await send<{ started_at: string; ended_at: string }[]>(
      server.url,
      "GET",
      `/api/v1/tasks/${id}/attempts`,
    );
    const { created_at } = await send<{ created_at: string }>(server.url, "GET", `/api/v1/tasks/${id}`);
    const [first, second] = attempts;
    if (first === undefined || second === undefined) throw new Error("there are fewer than two attempts");
    const total = Date.parse(second.ended_at) - Date.parse(created_at);
    const backoff = Date.parse(second.started_at) - Date.parse(first.ended_at);
    const width = await page.locator(".track > div > .backoff").evaluate((bar) => Number.parseFloat(bar.style.width));
    expect(width).toBeCloseTo((100 * backoff) / total, 1);
    await region(page, "Error").getByText("Error: not yet").waitFor();
  },
  pageTimeoutMs,
);

test(
  "runs it again with another input, and says what is wrong with one",
  async () => {
    const id = await submit(server.url, "fails", { text: "first" });
    await using visited = await visit(browser, server.url, `/dashboard/tasks/${id}`);
    const { page } = visited;
    await page.getByRole("button", { name: "Run again…" }).click();
    const field = page.getByLabel("By name (kwargs)");
    await field.fill('{"text": ');
    await page.getByRole("button", { name: "Submit" }).click();
    await page.getByText("kwargs is not JSON").waitFor();
    await field.fill("{}");
    await page.getByRole("button", { name: "Submit" }).click();
    await page.getByText("/kwargs/text: missing required 'text'").waitFor();
    await expectAccessible(page);
    await field.fill('{"text": "second"}');
    await page.getByRole("button", { name: "Submit" }).click();
    await region(page, "Input").getByText('{ "text": "second" }').waitFor();
    await region(page, "Error").getByText("PermanentError: second").waitFor();
  },
  pageTimeoutMs,
);

test(
  "says why a task waits",
  async () => {
    await using still = await startServer({ tasksDir: folder.path, env: { TASKFLOW_NUM_WORKERS: "0" } });
    const queued = await submit(still.url, "echo");
    await using visited = await visit(browser, still.url, `/dashboard/tasks/${queued}`);
    const { page } = visited;
    await page.getByText("it has no workers").waitFor();
    const scheduled = await submit(still.url, "echo", {}, { delay: 3_600 });
    await page.goto(`${still.url}/dashboard/tasks/${scheduled}`);
    await page.getByText("It is not due yet").waitFor();
    await expectAccessible(page);
  },
  pageTimeoutMs,
);

test(
  "shows input, error and log as text, whatever is in them",
  async () => {
    const id = await submit(server.url, "fails", { text: nasty });
    await using visited = await visit(browser, server.url, `/dashboard/tasks/${id}`, phone);
    const { page, watch } = visited;
    await region(page, "Error").getByText(`PermanentError: ${nasty}`).waitFor();
    const line = region(page, "Log").getByRole("listitem");
    expect(await line.locator(".ansi-1").textContent()).toBe("red");
    // The mark that turns the direction of writing is shown, not obeyed.
    expect(await line.textContent()).toContain("⟦U+202E⟧gnp.exe");
    expect(await line.textContent()).not.toContain("\u001b");
    expect(await page.title()).not.toBe("run");
    expect(await page.locator("main :is(img, script)").count()).toBe(0);
    await expectToFit(page);
    await expectAccessible(page);
    expect(watch).toEqual({ errors: [], outside: [] });
  },
  pageTimeoutMs,
);

test(
  "shows the longest log that is kept, and a result of many pages, a part at a time",
  async () => {
    const id = await submit(server.url, "floods");
    await using visited = await visit(browser, server.url, `/dashboard/tasks/${id}`);
    const { page } = visited;
    await page.getByText("completed", { exact: true }).first().waitFor();
    const log = region(page, "Log");
    await log.getByText("The log was cut here").waitFor();
    expect(await log.getByRole("listitem").count()).toBe(500);
    await region(page, "Result")
      .getByRole("button", { name: /Show more/ })
      .click();
    await log.getByRole("button", { name: "Show earlier lines (501)" }).click();
    await log.getByRole("button", { name: /more characters/ }).click();
    await log.getByText("x".repeat(8_000)).waitFor();
    expect(await log.getByRole("listitem").count()).toBe(1_001);
  },
  pageTimeoutMs,
);

test(
  "misses nothing that happened while the connection was lost",
  async () => {
    const id = await submit(server.url, "waits");
    using line = await layLine(server.url);
    await using visited = await visit(browser, line.url, `/dashboard/tasks/${id}`);
    const { page } = visited;
    await region(page, "Log").getByText("waiting").waitFor();
    line.cut();
    await page.getByText("Connection lost.").waitFor();
    await send(server.url, "POST", `/api/v1/tasks/${id}/cancel`);
    line.lead(server.url);
    await page.getByText("cancelled", { exact: true }).first().waitFor();
    expect(await region(page, "Log").getByText("waiting").count()).toBe(1);
  },
  pageTimeoutMs,
);

function region(page: Page, name: string) {
  return page.getByRole("region", { name, exact: true });
}
