import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { type PageWatch, watchPage } from "../../support/browser.ts";

/** Milliseconds that a test with a browser may take on a busy machine. */
export const pageTimeoutMs = 60_000;

export interface Visit extends AsyncDisposable {
  readonly page: Page;
  readonly watch: PageWatch;
}

/** Opens an address of a server's dashboard, as a browser does that was never there. */
export async function visit(
  browser: Browser,
  url: string,
  path: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const watch = watchPage(page, new URL(url).origin);
  await page.goto(url + path);
  return { page, watch, [Symbol.asyncDispose]: () => context.close() };
}

/** Resolves once the page hears what happens. */
export async function isLive(page: Page): Promise<void> {
  await page
    .getByRole("status")
    .filter({ hasText: /^Live$/ })
    .waitFor();
}

/** Fails when the page has any fault of accessibility that axe calls serious or critical. */
export async function expectAccessible(page: Page): Promise<void> {
  // Not as an element of the page: its own policy forbids that.
  await page.evaluate(axeSource);
  const found = await page.evaluate(runAxe);
  expect(found).toEqual([]);
}

/** Fails when the page is wider than its window. */
export async function expectToFit(page: Page): Promise<void> {
  const { wide, width } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    width: innerWidth,
  }));
  expect(wide).toBeLessThanOrEqual(width);
}

/** Of a phone, in the dark. */
export const phone = {
  viewport: { width: 360, height: 740 },
  colorScheme: "dark",
} as const satisfies BrowserContextOptions;

const axeSource = readFileSync(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8");

const runAxe = `axe.run().then(({ violations }) => violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ": " + html.slice(0, 200) + " " + failureSummary)))`;
