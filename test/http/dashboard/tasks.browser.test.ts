import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, launchTimeoutMs } from "../../support/browser.ts";
import { startServer, type TemporaryFolder, type TestServer } from "../../support/server.ts";
import { dashboardHandlers, nasty, send, submit } from "./handlers.ts";
import { expectAccessible, expectToFit, isLive, pageTimeoutMs, phone, visit } from "./visit.ts";

let browser: Browser;
let folder: TemporaryFolder;
/** Runs nothing, so that tasks stay as they are. */
let still: TestServer;

beforeAll(async () => {
  folder = await dashboardHandlers();
  [browser, still] = await Promise.all([
    launchBrowser(),
    startServer({ tasksDir: folder.path, env: { TASKFLOW_NUM_WORKERS: "0" } }),
  ]);
  const tasks = Array.from({ length: 150 }, (_, index) => ({
    func_name: index % 3 === 0 ? "fails" : "echo",
    kwargs: { text: "a" },
  }));
  await send(still.url, "POST", "/api/v1/tasks/batch", { tasks });
}, launchTimeoutMs);

afterAll(async () => {
  await Promise.all([browser?.close(), still?.[Symbol.asyncDispose]()]);
  await folder?.[Symbol.asyncDispose]();
});

test(
  "says what the first step is where there are none",
  async () => {
    await using own = await startServer({ tasksDir: folder.path });
    await using visited = await visit(browser, own.url, "/dashboard/tasks");
    await visited.page.getByText("No tasks yet").waitFor();
    await expectAccessible(visited.page);
  },
  pageTimeoutMs,
);

test(
  "shows the newest, and more on demand",
  async () => {
    await using visited = await visit(browser, still.url, "/dashboard/tasks");
    const { page, watch } = visited;
    await rows(page).nth(99).waitFor();
    await page.getByRole("button", { name: "Show more" }).click();
    await rows(page).nth(149).waitFor();
    expect(await rows(page).count()).toBe(150);
    expect(watch).toEqual({ errors: [], outside: [] });
  },
  pageTimeoutMs,
);

test(
  "filters by what the address says, and says in the address what it filters by",
  async () => {
    await using visited = await visit(browser, still.url, "/dashboard/tasks?func_name=fails");
    const { page } = visited;
    await rows(page).nth(49).waitFor();
    expect(await rows(page).count()).toBe(50);
    await page.getByRole("button", { name: "completed" }).click();
    await page.getByText("No task fits").waitFor();
    expect(new URL(page.url()).search).toBe("?func_name=fails&status=completed");
    await page.getByRole("button", { name: "queued" }).click();
    await rows(page).nth(49).waitFor();
    expect(new URL(page.url()).searchParams.get("status")).toBe("completed,queued");
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByLabel("Id or handler").fill("ech");
    await page.waitForURL(/\?q=ech$/);
    await page.getByLabel("Priority").selectOption("low");
    await page.getByText("No task fits").waitFor();
    await page.reload();
    expect(await page.getByLabel("Id or handler").inputValue()).toBe("ech");
    await page.getByText("No task fits").waitFor();
  },
  pageTimeoutMs,
);

test(
  "filters by time: within one up to now, and between two",
  async () => {
    await using visited = await visit(browser, still.url, "/dashboard/tasks");
    const { page } = visited;
    await page.getByLabel("Created", { exact: true }).selectOption("last 15 minutes");
    await page.waitForURL(/\?within=900$/);
    await rows(page).first().waitFor();
    await page.getByLabel("Created", { exact: true }).selectOption("between…");
    await page.waitForURL(/\?created_after=/);
    await rows(page).first().waitFor();
    await page.getByLabel("Created before").fill("2020-01-31T09:00");
    await page.waitForURL(/created_before=2020-01-31/);
    await page.getByText("No task fits").waitFor();
    await page.reload();
    expect(await page.getByLabel("Created before").inputValue()).toBe("2020-01-31T09:00");
  },
  pageTimeoutMs,
);

test(
  "counts new tasks that fit instead of moving what is there",
  async () => {
    await using visited = await visit(browser, still.url, "/dashboard/tasks?func_name=echo");
    const { page } = visited;
    await isLive(page);
    const first = await rows(page).first().getAttribute("href");
    await submit(still.url, "echo");
    await submit(still.url, "fails", { text: "does not fit" });
    await submit(still.url, "echo");
    await page.getByRole("button", { name: "Show 2 new" }).waitFor();
    expect(await rows(page).first().getAttribute("href")).toBe(first);
    await page.getByRole("button", { name: "Show 2 new" }).click();
    await page.locator(`a.row[href="${first}"]`).nth(0).waitFor();
    await page.getByRole("button", { name: "Show 2 new" }).waitFor({ state: "detached" });
    expect(await rows(page).nth(2).getAttribute("href")).toBe(first);
  },
  pageTimeoutMs,
);

test(
  "shows what becomes of a task in its row",
  async () => {
    await using visited = await visit(browser, still.url, "/dashboard/tasks");
    const { page } = visited;
    await isLive(page);
    const id = await submit(still.url, "echo");
    await page.getByRole("button", { name: /Show \d+ new/ }).click();
    const row = page.getByRole("row").filter({ hasText: id.slice(-8) });
    await row.getByText("queued").waitFor();
    await send(still.url, "POST", `/api/v1/tasks/${id}/cancel`);
    await row.getByText("cancelled").waitFor();
  },
  pageTimeoutMs,
);

test(
  "cancels what was picked, and retries all that fit, after saying how many",
  async () => {
    await using own = await startServer({ tasksDir: folder.path, env: { TASKFLOW_NUM_WORKERS: "0" } });
    const tasks = Array.from({ length: 130 }, () => ({ func_name: "echo" }));
    await send(own.url, "POST", "/api/v1/tasks/batch", { tasks });
    await using visited = await visit(browser, own.url, "/dashboard/tasks");
    const { page } = visited;
    expect(await page.getByRole("button", { name: "Cancel…" }).isDisabled()).toBe(true);
    await page
      .getByRole("checkbox", { name: /^Select echo/ })
      .nth(0)
      .check();
    await page
      .getByRole("checkbox", { name: /^Select echo/ })
      .nth(1)
      .check();
    await page.getByRole("button", { name: "Cancel…" }).click();
    await page.getByText("Cancel 2 tasks?").waitFor();
    await expectAccessible(page);
    await page.getByRole("button", { name: "Cancel 2 tasks" }).click();
    await page.getByText("2 tasks cancelled").waitFor();
    expect(await counts(own.url)).toMatchObject({ cancelled_count: 2, pending_count: 128 });

    await page.getByRole("checkbox", { name: "Select all that are shown" }).check();
    await page.getByRole("button", { name: "Select all that match" }).click();
    await page.getByRole("button", { name: "Cancel…" }).click();
    await page.getByRole("button", { name: "Cancel 128 tasks" }).click();
    await page.getByText("128 tasks cancelled").waitFor();
    expect(await counts(own.url)).toMatchObject({ cancelled_count: 130, pending_count: 0 });

    await page
      .getByRole("checkbox", { name: /^Select echo/ })
      .nth(0)
      .check();
    await page.getByRole("button", { name: "Retry…" }).click();
    await page.getByRole("button", { name: "Retry 1 task" }).click();
    await page.getByText("1 task submitted again").waitFor();
    expect(await counts(own.url)).toMatchObject({ cancelled_count: 130, pending_count: 1 });
  },
  pageTimeoutMs,
);

test(
  "leaves them when the question is answered so, or by Escape",
  async () => {
    await using visited = await visit(browser, still.url, "/dashboard/tasks?func_name=fails&status=queued");
    const { page } = visited;
    const before = await counts(still.url);
    await page
      .getByRole("checkbox", { name: /^Select fails/ })
      .nth(0)
      .check();
    await page.getByRole("button", { name: "Cancel…" }).click();
    await page.getByRole("button", { name: "Leave them" }).click();
    await page.getByRole("button", { name: "Cancel…" }).click();
    await page.getByText("Cancel 1 task?").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await counts(still.url)).toEqual(before);
  },
  pageTimeoutMs,
);

test(
  "does nothing for a key that only reads, and says why",
  async () => {
    const reader = "a-key-that-only-reads";
    const writer = "a-key-that-also-writes";
    await using keyed = await startServer({
      tasksDir: folder.path,
      env: { TASKFLOW_NUM_WORKERS: "0", TASKFLOW_API_KEYS: `r:${reader}:read,w:${writer}:write` },
    });
    await fetch(`${keyed.url}/api/v1/tasks`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${writer}` },
      body: JSON.stringify({ func_name: "echo" }),
    });
    await using visited = await visit(browser, keyed.url, `/dashboard/tasks#key=${reader}`);
    const { page } = visited;
    await page.getByRole("checkbox", { name: /^Select echo/ }).check();
    const cancel = page.getByRole("button", { name: "Cancel…" });
    await page.getByTitle("The key in use may only read").first().waitFor();
    expect(await cancel.isDisabled()).toBe(true);
  },
  pageTimeoutMs,
);

test(
  "is used by the keyboard alone",
  async () => {
    await using visited = await visit(browser, still.url, "/dashboard");
    const { page } = visited;
    await isLive(page);
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await rows(page).nth(2).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("fails");
    await page.waitForURL(/\?q=fails$/);
    await page.keyboard.press("Escape");
    await rows(page).filter({ hasText: "fails" }).nth(49).waitFor();
    await page.getByRole("link", { name: "echo" }).first().waitFor({ state: "detached" });
    await page.keyboard.press("j");
    await page.keyboard.press("ArrowDown");
    const second = await rows(page).nth(1).getAttribute("href");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("href"))).toBe(second);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${still.url}${second}`);
    await page.goBack();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  },
  pageTimeoutMs,
);

test(
  "shows whatever tasks say as text, on a phone and in the dark, too",
  async () => {
    await using own = await startServer({ tasksDir: folder.path });
    await submit(own.url, "echo", { text: nasty, word: "w".repeat(5_000) });
    await submit(own.url, "fails", { text: nasty });
    await using visited = await visit(browser, own.url, "/dashboard/tasks", phone);
    const { page, watch } = visited;
    await page.getByText("failed", { exact: true }).nth(1).waitFor();
    await page.getByText(`PermanentError: ${nasty}`).waitFor();
    expect(await page.title()).toBe("Tasks · TaskFlow");
    expect(await page.locator("main :is(img, script)").count()).toBe(0);
    await expectToFit(page);
    await expectAccessible(page);
    expect(watch).toEqual({ errors: [], outside: [] });
  },
  pageTimeoutMs,
);

function rows(page: Page) {
  return page.locator("tbody a.row");
}

async function counts(url: string): Promise<object> {
  const { queue } = await send<{ queue: { cancelled_count: number; pending_count: number } }>(
    url,
    "GET",
    "/api/v1/metrics",
  );
  return { cancelled_count: queue.cancelled_count, pending_count: queue.pending_count };
}
