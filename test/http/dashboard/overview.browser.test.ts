import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { layLine } from "../../examples/line.ts";
import { launchBrowser, launchTimeoutMs } from "../../support/browser.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { expectAccessible, expectToFit, isLive, pageTimeoutMs, phone, visit } from "./visit.ts";

let browser: Browser;
let server: TestServer;

beforeAll(async () => {
  [browser, server] = await Promise.all([launchBrowser(), startServer()]);
}, launchTimeoutMs);

afterAll(async () => {
  await Promise.all([browser?.close(), server?.[Symbol.asyncDispose]()]);
});

test(
  "shows what is done as it is done, and asks nobody but the server",
  async () => {
    await using own = await startServer({ env: { TASKFLOW_SHUTDOWN_GRACE: "0" } });
    await using visited = await visit(browser, own.url, "/dashboard");
    const { page, watch } = visited;
    await isLive(page);
    await page.getByText("No task has failed").waitFor();
    await page.getByText("Nothing has run since the start").waitFor();
    await submit(own.url, "add_numbers", { a: 1, b: 2 });
    await figure(page, "Completed", "1").waitFor();
    await page.getByRole("region", { name: "Wait and run" }).getByRole("link", { name: "add_numbers" }).waitFor();
    await submit(own.url, "random_failure", { failure_rate: 1 }, { max_retries: 0 });
    await figure(page, "Failed", "1").waitFor();
    const failures = page.getByRole("region", { name: "Failures" });
    await failures.getByRole("link", { name: "Error: Failed by chance" }).waitFor();
    await submit(own.url, "slow_task", { duration: 60 });
    await page.getByRole("region", { name: "Workers" }).getByRole("link", { name: "slow_task" }).waitFor();
    await figure(page, "Running", "1 of 2").waitFor();
    expect(watch).toEqual({ errors: [], outside: [] });
  },
  pageTimeoutMs,
);

test(
  "says that the connection is lost, and is right again when it is back",
  async () => {
    await using own = await startServer();
    using line = await layLine(own.url);
    await using visited = await visit(browser, line.url, "/dashboard");
    const { page } = visited;
    await isLive(page);
    line.cut();
    await page.getByRole("alert").getByText("Connection lost.").waitFor();
    await submit(own.url, "add_numbers", { a: 1, b: 2 });
    line.lead(own.url);
    await isLive(page);
    await figure(page, "Completed", "1").waitFor();
    expect(await page.getByText("Connection lost.").count()).toBe(0);
  },
  pageTimeoutMs,
);

test(
  "asks for the key that the server wants, and takes the one that a link carries",
  async () => {
    await using keyed = await startServer({ env: { TASKFLOW_API_KEYS: "ops:a-good-key-of-this-server:read" } });
    await using visited = await visit(browser, keyed.url, "/dashboard");
    const { page } = visited;
    await page.getByLabel("API key", { exact: true }).fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByText("The server does not know this key.").waitFor();
    await expectAccessible(page);
    await page.getByLabel("API key", { exact: true }).fill("a-good-key-of-this-server");
    await page.keyboard.press("Enter");
    await figure(page, "Waiting", "0").waitFor();
    await isLive(page);
    await page.reload();
    await figure(page, "Waiting", "0").waitFor();

    await using linked = await visit(browser, keyed.url, "/dashboard#key=a-good-key-of-this-server");
    await figure(linked.page, "Waiting", "0").waitFor();
    expect(linked.page.url()).toBe(`${keyed.url}/dashboard`);
    expect(linked.watch.errors).toEqual([]);
    await linked.page.getByText("Read only").waitFor();
    await linked.page.getByRole("button", { name: "Forget key" }).click();
    await linked.page.getByLabel("API key", { exact: true }).waitFor();
  },
  pageTimeoutMs,
);

test(
  "sends a key that does not do once, for those who guess are locked out",
  async () => {
    await using keyed = await startServer({ env: { TASKFLOW_API_KEYS: "ops:a-good-key-of-this-server" } });
    const context = await browser.newContext();
    const page = await context.newPage();
    const sent: string[] = [];
    page.on("request", (request) => {
      if (request.headers().authorization !== undefined) sent.push(new URL(request.url()).pathname);
    });
    page.on("websocket", () => sent.push("/ws"));
    await page.goto(`${keyed.url}/dashboard#key=a-key-of-yesterday`);
    await page.getByText("The server does not know this key.").waitFor();
    expect(sent).toEqual(["/api/v1/access"]);
    await context.close();
  },
  pageTimeoutMs,
);

test.each(["light", "dark"] as const)(
  "has no serious fault of accessibility, %s",
  async (colorScheme) => {
    await submit(server.url, "add_numbers", { a: 1, b: 2 });
    await submit(server.url, "random_failure", { failure_rate: 1 }, { max_retries: 0 });
    await using visited = await visit(browser, server.url, "/dashboard", { colorScheme });
    await visited.page.getByRole("link", { name: "Error: Failed by chance" }).waitFor();
    await expectAccessible(visited.page);
  },
  pageTimeoutMs,
);

test(
  "fits a phone",
  async () => {
    await using visited = await visit(browser, server.url, "/dashboard", phone);
    await figure(visited.page, "Waiting", "0").waitFor();
    await expectToFit(visited.page);
    await expectAccessible(visited.page);
  },
  pageTimeoutMs,
);

test(
  "is light or dark by the switch, and stays so",
  async () => {
    await using visited = await visit(browser, server.url, "/dashboard", { colorScheme: "light" });
    const { page } = visited;
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await page.getByLabel("Colours").selectOption("Dark");
    const dark = await background();
    expect(dark).not.toBe(light);
    await page.reload();
    await figure(page, "Waiting", "0").waitFor();
    expect(await background()).toBe(dark);
  },
  pageTimeoutMs,
);

test(
  "keeps up with a thousand events a second, and what it holds does not grow with them",
  async () => {
    await using visited = await visit(browser, server.url, "/dashboard");
    const { page } = visited;
    await isLive(page);
    // Each batch is a thousand events of submission, and more as they are run.
    const tasks = Array.from({ length: 1_000 }, () => ({ func_name: "hello_world", kwargs: {}, delay: 3_600 }));
    for (let batch = 0; batch < 10; batch++) await post(server.url, "/api/v1/tasks/batch", { tasks });
    await figure(page, "Scheduled", "10,000").waitFor();
    expect(await page.locator("*").count()).toBeLessThan(1_000);
  },
  pageTimeoutMs,
);

/** The figure of that name, once it has that value. */
function figure(page: Page, name: string, value: string) {
  return page.getByRole("listitem").filter({ hasText: new RegExp(`^${name}${value}$`) });
}

async function submit(url: string, func_name: string, kwargs: object, more: object = {}): Promise<void> {
  await post(url, "/api/v1/tasks", { func_name, kwargs, ...more });
}

async function post(url: string, path: string, body: object): Promise<void> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(await response.text());
}
