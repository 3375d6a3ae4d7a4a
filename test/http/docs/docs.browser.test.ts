import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Type as t } from "@sinclair/typebox";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, launchTimeoutMs, watchPage } from "../../support/browser.ts";
import { brokenHandler, createDocsApp, readyHandler } from "./app.ts";

const handlers = [
  readyHandler("add_numbers", t.Object({ a: t.Number(), b: t.Number() }), "Add two numbers"),
  readyHandler(
    "db:backup",
    t.Object({ target: t.String({ pattern: "^[a-z]{3}\\.db$", examples: ["aaa.db"] }) }),
    "Copy the **database**",
  ),
  readyHandler("walk", t.Object({ tree: t.Recursive((This) => t.Object({ name: t.String(), below: t.Array(This) })) })),
  brokenHandler("bad", "Unexpected <script>alert(1)</script>"),
];
const key = "a-key-of-this-server";
const pageTimeoutMs = 60_000;

let browser: Browser;
const open = serve(createDocsApp(handlers));
const keyed = serve(createDocsApp(handlers, key));

beforeAll(async () => {
  browser = await launchBrowser();
}, launchTimeoutMs);

afterAll(async () => {
  await browser?.close();
  await Promise.all([open.app.stop(true), keyed.app.stop(true)]);
});

describe("Swagger UI", () => {
  test(
    "shows every operation, and asks nobody but this server",
    async () => {
      await using visit = await visitPage(open.origin, "/docs");
      await visit.page.locator(".opblock").first().waitFor();
      const { paths } = await (await fetch(`${open.origin}/docs/json`)).json();
      const operations = Object.values<object>(paths).flatMap((item) => Object.keys(item)).length;
      expect(await visit.page.locator(".opblock").count()).toBe(operations);
      expect(await visit.page.locator(".info").textContent()).toContain("Unexpected <script>alert(1)</script>");
      expect(await visit.page.locator(".validator, .topbar").count()).toBe(0);
      expect(visit.watch).toEqual({ errors: [], outside: [] });
    },
    pageTimeoutMs,
  );

  test(
    "submits the example that was picked, and shows the task",
    async () => {
      await using visit = await visitPage(open.origin, "/docs");
      const operation = await openSubmission(visit.page);
      const examples = operation.getByRole("combobox").filter({ hasText: "add_numbers" });
      expect(await examples.locator("option").allInnerTexts()).toEqual([
        "add_numbers: Add two numbers",
        "db:backup: Copy the **database**",
        "walk",
      ]);
      await examples.selectOption({ label: "db:backup: Copy the **database**" });
      const request = await execute(visit.page);
      expect(request.postDataJSON()).toEqual({ func_name: "db:backup", kwargs: { target: "aaa.db" } });
      expect(request.headers()["content-type"]).toBe("application/json");
      const answer = operation.locator(".live-responses-table");
      expect(await answer.locator(".response-col_status").last().textContent()).toStartWith("201");
      expect(await answer.textContent()).toContain('"func_name": "db:backup"');
      expect(open.submissions.map(({ funcName, kwargs }) => ({ funcName, kwargs }))).toEqual([
        { funcName: "db:backup", kwargs: { target: "aaa.db" } },
      ]);
      expect(visit.watch).toEqual({ errors: [], outside: [] });
    },
    pageTimeoutMs,
  );

  test(
    "follows the system's dark mode",
    async () => {
      await using visit = await visitPage(open.origin, "/docs");
      const background = () => visit.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
      const light = await background();
      await visit.page.emulateMedia({ colorScheme: "dark" });
      await visit.page.locator("html.dark-mode").waitFor();
      expect(await background()).not.toBe(light);
    },
    pageTimeoutMs,
  );

  test(
    "asks for a key where the server wants one, and sends it with what is tried out",
    async () => {
      await using visit = await visitPage(keyed.origin, "/docs");
      const field = visit.page.getByLabel("API key");
      await field.fill("wrong");
      await field.press("Enter");
      await visit.page.getByText("does not know this key").waitFor();
      await field.fill(key);
      await field.press("Enter");
      await openSubmission(visit.page);
      const request = await execute(visit.page);
      expect(request.headers().authorization).toBe(`Bearer ${key}`);
      expect(await visit.page.locator(".live-responses-table .response-col_status").last().textContent()).toStartWith(
        "201",
      );
      expect(visit.watch.outside).toEqual([]);
    },
    pageTimeoutMs,
  );

  test(
    "takes the key from a link that carries it, and does not leave it in the address",
    async () => {
      await using visit = await visitPage(keyed.origin, `/docs#key=${key}`);
      await visit.page.locator(".opblock").first().waitFor();
      expect(visit.page.url()).toBe(`${keyed.origin}/docs`);
      await visit.page.reload();
      await visit.page.locator(".opblock").first().waitFor();
      expect(visit.watch).toEqual({ errors: [], outside: [] });
    },
    pageTimeoutMs,
  );
});

describe("ReDoc", () => {
  test(
    "shows each handler's input, and asks nobody but this server",
    async () => {
      await using visit = await visitPage(open.origin, "/redoc");
      const operation = visit.page.locator('[id="tag/Tasks/operation/submitTask"]');
      await operation.getByRole("button", { name: "db:backup", exact: true }).click();
      const target = operation.getByRole("row").filter({ hasText: "^[a-z]{3}\\.db$" });
      await target.first().waitFor();
      await operation.getByRole("button", { name: "walk", exact: true }).click();
      await operation.getByRole("button", { name: "expand tree" }).click();
      await operation.getByRole("row").filter({ hasText: "below" }).last().waitFor();
      expect(visit.watch).toEqual({ errors: [], outside: [] });
    },
    pageTimeoutMs,
  );

  test(
    "finds an operation by a word",
    async () => {
      await using visit = await visitPage(open.origin, "/redoc");
      await visit.page.getByPlaceholder("Search...").fill("cancel");
      await visit.page.locator('[data-role="search:results"]').getByText("Cancel a task").waitFor();
      expect(visit.watch).toEqual({ errors: [], outside: [] });
    },
    pageTimeoutMs,
  );
});

function serve(docsApp: ReturnType<typeof createDocsApp>) {
  docsApp.app.listen({ port: 0, hostname: "127.0.0.1" });
  return { ...docsApp, origin: `http://127.0.0.1:${docsApp.app.server?.port}` };
}

/** A page in a profile of its own, so that no test sees what another stored. */
async function visitPage(origin: string, path: string) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 } });
  const page = await context.newPage();
  const watch = watchPage(page, origin);
  await page.goto(origin + path);
  return { page, watch, [Symbol.asyncDispose]: () => context.close() };
}

async function openSubmission(page: Page) {
  const operation = page.locator("#operations-Tasks-submitTask");
  await operation.locator(".opblock-summary-control").click();
  await operation.getByRole("button", { name: "Execute" }).waitFor();
  return operation;
}

/** Presses Execute, and waits until the answer is on the page. */
async function execute(page: Page) {
  const [request] = await Promise.all([
    page.waitForRequest((each) => each.method() === "POST"),
    page.getByRole("button", { name: "Execute" }).click(),
  ]);
  await page.locator(".live-responses-table").waitFor();
  return request;
}
