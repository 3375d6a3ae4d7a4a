import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { type Listening, type TestApp, testApp } from "../support/app.ts";
import { foreignHost, launchBrowser, launchTimeoutMs } from "../support/browser.ts";

const pageTimeoutMs = 60_000;

let browser: Browser;
let app: TestApp;
let server: Listening;
/** What someone may happen to visit while the server runs, open, on the same machine. */
let foreign: ReturnType<typeof Bun.serve>;

beforeAll(async () => {
  browser = await launchBrowser();
  app = await testApp({ slots: 0 });
  server = app.listen();
  const html = () => new Response("<!doctype html><title>A page</title>", { headers: { "content-type": "text/html" } });
  foreign = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: html });
}, launchTimeoutMs);

afterAll(async () => {
  await browser?.close();
  await Promise.all([server?.[Symbol.asyncDispose](), foreign?.stop(true)]);
});

async function visit(address: string) {
  const page = await browser.newPage();
  await page.goto(address);
  return { page, [Symbol.asyncDispose]: () => page.close() };
}

test(
  "a foreign page neither reads nor changes anything, whichever way it asks",
  async () => {
    const { task_id } = await app.submit({ func_name: "echo", kwargs: { secret: "s3cret" } });
    await using visited = await visit(`http://${foreignHost}:${foreign.port}/`);
    const got = await visited.page.evaluate(
      async ({ url, taskId }) => {
        const cancel = `${url}/api/v1/tasks/${taskId}/cancel`;
        const told = (work: Promise<unknown>) => work.then(String, () => "refused");
        const event = (target: EventTarget, good: string) =>
          new Promise<string>((done) => {
            target.addEventListener(good, () => done(good));
            target.addEventListener("error", () => done("refused"));
          });
        const read = fetch(`${url}/api/v1/tasks`).then((response) => response.text());
        const json = { method: "POST", headers: { "content-type": "application/json" }, body: '{"func_name":"echo"}' };
        const written = fetch(`${url}/api/v1/tasks`, json).then((response) => response.text());
        const blind = { method: "POST", mode: "no-cors", body: '{"func_name":"echo"}' } as const;
        await Promise.allSettled([fetch(`${url}/api/v1/tasks`, blind), fetch(cancel, blind)]);
        navigator.sendBeacon(`${url}/api/v1/system/clear-queue`);
        const script = document.createElement("script");
        script.src = `${url}/docs/assets/docs-client.js`;
        const loaded = event(script, "load");
        document.head.append(script);
        const frame = document.createElement("iframe");
        frame.name = "frame";
        const form = document.createElement("form");
        Object.assign(form, { method: "POST", action: cancel, target: "frame" });
        document.body.append(frame, form);
        const posted = new Promise((done) => frame.addEventListener("load", done));
        form.submit();
        await posted;
        const socket = event(new WebSocket(`${url.replace("http", "ws")}/ws`), "open");
        return Promise.all([told(read), told(written), loaded, socket]);
      },
      { url: server.url, taskId: task_id },
    );
    expect(got).toEqual(["refused", "refused", "refused", "refused"]);
    const tasks = await (await app.request("/api/v1/tasks")).json();
    expect(tasks).toMatchObject([{ task_id, status: "queued" }]);
  },
  pageTimeoutMs,
);

test(
  "a page whose name was rebound to this machine gets nothing under that name",
  async () => {
    const address = `http://${foreignHost}:${new URL(server.url).port}/`;
    // The refusal stands in for the page that the name's own machine served before, which had a policy of its own.
    await using page = await browser.newPage({ bypassCSP: true });
    await page.goto(address);
    const asked = await page.evaluate(async () => {
      const answers = await Promise.all([
        fetch("/api/v1/tasks"),
        fetch("/health"),
        fetch("/api/v1/system/clear-queue", { method: "POST" }),
      ]);
      return Promise.all(answers.map(async (answer) => [answer.status, (await answer.json()).code]));
    });
    expect(asked).toEqual(Array(3).fill([403, "forbidden"]));
  },
  pageTimeoutMs,
);

test(
  "a link on a foreign page leads to the documentation, and a frame in it does not",
  async () => {
    await using visited = await visit(`http://${foreignHost}:${foreign.port}/`);
    const refused = visited.page.waitForEvent("console", (line) => line.text().includes("frame-ancestors"));
    await visited.page.evaluate((url) => {
      const frame = document.createElement("iframe");
      frame.src = `${url}/docs`;
      document.body.append(frame);
    }, server.url);
    await refused;
    await visited.page.evaluate((url) => location.assign(`${url}/docs`), server.url);
    await visited.page.locator(".opblock").first().waitFor();
  },
  pageTimeoutMs,
);
