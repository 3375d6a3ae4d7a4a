import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { launchBrowser, launchTimeoutMs, watchPage } from "../support/browser.ts";
import { connect } from "../support/client.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { holdTasks } from "./held.ts";
import { layLine } from "./line.ts";
import { type Run, runWithBun } from "./run.ts";

const key = "a-key-of-this-server";
const pageTimeoutMs = 60_000;

let browser: Browser;
let server: TestServer;
/** The page as its own first lines say that it is served. */
let served: Run;
let origin: string;

beforeAll(async () => {
  served = runWithBun("websocket_client.html", ["--port=0"]);
  [browser, server] = await Promise.all([launchBrowser(), startServer()]);
  origin = (await served.printed(/url: (\S+)/))[1] ?? "";
}, launchTimeoutMs);

afterAll(async () => {
  served?.kill();
  await Promise.all([browser?.close(), server?.[Symbol.asyncDispose]()]);
});

test(
  "shows a task's events in their order, up to the result, and asks nobody but the server",
  async () => {
    await using visit = await visitPage(server.url);
    await connected(visit.page);
    const card = await submit(visit.page, "slow_task", { duration: 0.3 });
    await card.getByText("completed", { exact: true }).waitFor();
    expect(await lines(card)).toEqual(["queued", "started, attempt 1 of 4", "completed"]);
    expect(await card.locator(".result pre").textContent()).toBe('"Slept for 0.3 seconds"');
    expect(await card.locator(".progress span").textContent()).toContain("20 of 20 naps");
    expect(await card.getByRole("progressbar").evaluate((bar: HTMLProgressElement) => bar.value)).toBe(1);
    expect(await card.getByRole("button", { name: "Cancel" }).isVisible()).toBe(false);
    expect(visit.watch.errors).toEqual([]);
    expect(visit.watch.outside).toEqual([socketUrl(server.url)]);
  },
  pageTimeoutMs,
);

test(
  "shows why a task failed",
  async () => {
    await using visit = await visitPage(server.url);
    await connected(visit.page);
    const card = await submit(visit.page, "database_backup", { database: "none.db" });
    await card.getByText("failed", { exact: true }).waitFor();
    expect(await lines(card)).toEqual(["queued", "started, attempt 1 of 4", "failed"]);
    expect(await card.locator(".error pre").textContent()).toBe(
      "PermanentError: There is no file 'none.db' in the data directory",
    );
    expect(await card.locator(".result").isVisible()).toBe(false);
  },
  pageTimeoutMs,
);

test(
  "cancels a task that runs",
  async () => {
    await using visit = await visitPage(server.url);
    await connected(visit.page);
    const card = await submit(visit.page, "slow_task", { duration: 60 });
    await card.getByText("running", { exact: true }).waitFor();
    await card.getByRole("button", { name: "Cancel" }).click();
    await card.getByText("cancelled", { exact: true }).waitFor();
    expect(await lines(card)).toEqual(["queued", "started, attempt 1 of 4", "to be cancelled", "cancelled"]);
  },
  pageTimeoutMs,
);

test(
  "says what is wrong with a submission",
  async () => {
    await using visit = await visitPage(server.url);
    await connected(visit.page);
    const problem = visit.page.getByRole("alert");
    await fill(visit.page, "add_numbers", '{"a": ');
    await problem.getByText("The arguments are not JSON").waitFor();
    expect(await visit.page.getByLabel("Arguments").evaluate((field) => field === document.activeElement)).toBe(true);
    await fill(visit.page, "add_numbers", "{}");
    await problem.getByText("/kwargs/b: missing required 'b'").waitFor();
    await fill(visit.page, "add_numbers", '{"a": 1, "b": 2}');
    await visit.page.locator("article .result").getByText("3").waitFor();
    expect(await visit.page.locator("#problem").textContent()).toBe("");
  },
  pageTimeoutMs,
);

test(
  "shows whatever comes from the server as text",
  async () => {
    const markup = `<img src="x" onerror="document.title='run'"><script>document.title='run'</script>`;
    await using held = await holdTasks();
    await using own = await startServer({ tasksDir: held.tasksDir });
    await using visit = await visitPage(own.url);
    await connected(visit.page);
    held.letGo();
    const card = await submit(visit.page, "held", held.input(markup));
    await card.getByText("completed", { exact: true }).waitFor();
    expect(await lines(card)).toContain(`info: ${markup}`);
    expect(await card.locator(".progress span").textContent()).toContain(markup);
    expect(await card.locator(".result pre").textContent()).toBe(JSON.stringify(markup));
    const failing = await submit(visit.page, "held", { ...held.input(markup), fails: true });
    await failing.getByText("failed", { exact: true }).waitFor();
    expect(await failing.locator(".error pre").textContent()).toBe(`PermanentError: ${markup}`);
    await fill(visit.page, markup, "{}");
    await visit.page.getByRole("alert").getByText(markup).waitFor();
    expect(await visit.page.locator("main :is(img, script)").count()).toBe(0);
    expect(await visit.page.title()).toBe("TaskFlow live");
    expect(visit.watch.errors).toEqual([]);
  },
  pageTimeoutMs,
);

test(
  "can be used with the keyboard alone",
  async () => {
    await using visit = await visitPage(server.url);
    await connected(visit.page);
    const { keyboard } = visit.page;
    const focused = () => visit.page.evaluate(() => document.activeElement?.textContent?.trim());
    for (let presses = 0; (await focused()) !== "hello_world"; presses += 1) {
      if (presses > 10) throw new Error("the examples cannot be reached by Tab");
      await keyboard.press("Tab");
    }
    await keyboard.press("Enter");
    await visit.page.getByLabel("Arguments").focus();
    await keyboard.press("Control+Enter");
    await visit.page.locator("article .result").getByText("Greeted World").waitFor();
    await visit.page.getByLabel("Handler").focus();
    await keyboard.press("Enter");
    await visit.page.locator("article").nth(1).waitFor();
  },
  pageTimeoutMs,
);

test(
  "asks for a key where the server wants one, and sends it",
  async () => {
    await using keyed = await startServer({ env: { TASKFLOW_API_KEYS: `test:${key}` } });
    await using visit = await visitPage(keyed.url);
    await visit.page.getByText("only with a valid API key").waitFor();
    await fill(visit.page, "hello_world", "{}");
    await visit.page.getByText("Not connected, so nothing was submitted.").waitFor();
    await visit.page.getByLabel("API key").fill(key);
    await visit.page.getByLabel("API key").press("Enter");
    await connected(visit.page);
    const card = await submit(visit.page, "hello_world", { name: "Key" });
    await card.getByText('"Greeted Key"').waitFor();
  },
  pageTimeoutMs,
);

test(
  "catches up on what happened during a drop, and shows it once",
  async () => {
    await using held = await holdTasks();
    await using own = await startServer({ tasksDir: held.tasksDir });
    using line = await layLine(own.url);
    using witness = await connect(own.url);
    await using visit = await visitPage(line.url);
    await connected(visit.page);
    const card = await submit(visit.page, "held", held.input("let go"));
    await card.getByText("info: held").waitFor();
    const taskId = (await card.locator(".id").textContent()) ?? "";
    line.cut();
    await visit.page.getByText("broke. Trying again in").waitFor();
    held.letGo();
    await witness.final(taskId);
    line.lead(own.url);
    await card.getByText('"let go"').waitFor();
    expect(await lines(card)).toEqual(["queued", "started, attempt 1 of 4", "info: held", "info: let go", "completed"]);
    await connected(visit.page);
  },
  pageTimeoutMs,
);

test(
  "says that the server is away, and heals when it is back",
  async () => {
    await using held = await holdTasks();
    const first = await startServer({ tasksDir: held.tasksDir, keepData: true });
    using line = await layLine(first.url);
    await using visit = await visitPage(line.url);
    await connected(visit.page);
    const card = await submit(visit.page, "held", held.input("let go"));
    await card.getByText("info: held").waitFor();
    first.signal("SIGKILL");
    await first.exited;
    await visit.page.getByText(`No answer from ${socketUrl(line.url)}. Is TaskFlow running there?`).waitFor();
    await using second = await startServer({ tasksDir: held.tasksDir, dataDir: first.dataDir });
    line.lead(second.url);
    await connected(visit.page);
    held.letGo();
    await card.getByText("completed", { exact: true }).waitFor();
    expect(await card.locator(".result pre").textContent()).toBe('"let go"');
    expect(await lines(card)).toContain("warn: The server no longer knows all that happened meanwhile.");
    const next = await submit(visit.page, "held", held.input("again"));
    await next.getByText('"again"').waitFor();
  },
  pageTimeoutMs,
);

test(
  "says that a task is lost when the server has forgotten it",
  async () => {
    await using held = await holdTasks();
    await using first = await startServer({ tasksDir: held.tasksDir });
    await using second = await startServer({ tasksDir: held.tasksDir });
    using line = await layLine(first.url);
    await using visit = await visitPage(line.url);
    await connected(visit.page);
    const card = await submit(visit.page, "held", held.input("let go"));
    await card.getByText("info: held").waitFor();
    line.cut();
    line.lead(second.url);
    await card.getByText("lost", { exact: true }).waitFor();
    expect(await card.locator(".error pre").textContent()).toStartWith("There is no task");
    held.letGo();
  },
  pageTimeoutMs,
);

test(
  "fits a phone, whatever a task says",
  async () => {
    await using visit = await visitPage(server.url, { viewport: { width: 320, height: 640 } });
    await connected(visit.page);
    const word = "x".repeat(500);
    const card = await submit(visit.page, "hello_world", { name: word });
    await card.locator(".result").getByText(word).waitFor();
    await fill(visit.page, word, "{}");
    await visit.page.getByRole("alert").getByText("There is no handler").waitFor();
    const width = await visit.page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(320);
  },
  pageTimeoutMs,
);

test(
  "says how to serve it when it was opened from disk",
  async () => {
    const file = new URL("../../examples/websocket_client.html", import.meta.url);
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${file.href}?server=${encodeURIComponent(socketUrl(server.url))}`);
    await page.getByText("Serve it: bun examples/websocket_client.html").waitFor();
    await context.close();
  },
  pageTimeoutMs,
);

function socketUrl(url: string): string {
  return `${url.replace(/^http/, "ws")}/ws`;
}

async function visitPage(url: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const watch = watchPage(page, origin);
  await page.goto(`${origin}?server=${encodeURIComponent(socketUrl(url))}`);
  return { page, watch, [Symbol.asyncDispose]: () => context.close() };
}

async function connected(page: Page): Promise<void> {
  await page.getByText("Connected to ws://").waitFor();
}

async function fill(page: Page, handler: string, kwargs: string): Promise<void> {
  await page.getByLabel("Handler").fill(handler);
  await page.getByLabel("Arguments").fill(kwargs);
  await page.getByRole("button", { name: "Submit" }).click();
}

/** Submits, and resolves with the card of the task when it is there. */
async function submit(page: Page, handler: string, kwargs: object) {
  const cards = page.locator("article");
  const before = await cards.count();
  await fill(page, handler, JSON.stringify(kwargs));
  await cards.nth(before).waitFor();
  // The newest is the first; by its id it is found though others come.
  const taskId = (await cards.first().locator(".id").textContent()) ?? "";
  return cards.filter({ hasText: taskId });
}

/** What the card says that happened, without the times. */
async function lines(card: ReturnType<Page["locator"]>): Promise<readonly string[]> {
  const texts = await card.locator(".lines li").allTextContents();
  return texts.map((text) => text.replace(/^\d\d:\d\d:\d\d /, ""));
}
