import { type TemporaryFolder, temporaryFolder } from "../../support/server.ts";

/** A tasks folder with handlers that show what the dashboard has to cope with. */
export async function dashboardHandlers(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  await Promise.all(Object.entries(files).map(([name, text]) => Bun.write(`${folder.path}/${name}`, text)));
  return folder;
}

/** What somebody may send, log, throw or return to harm who looks at it. */
export const nasty =
  "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\"> javascript:alert(1)";

const files: Readonly<Record<string, string>> = {
  "echo.ts": `export default (input) => input;`,
  "fails.ts": `
    import { defineTask, PermanentError, t } from "taskflow";
    export default defineTask({
      input: t.Object({ text: t.String() }),
      run({ text }) {
        console.log(text, "\\u001b[31mred\\u001b[0m \\u202Egnp.exe");
        throw new PermanentError(text);
      },
    });`,
  "retries.ts": `
    export default { backoff: { base: 0.2 }, maxRetries: 1, run() { throw new Error("not yet"); } };`,
  "waits.ts": `
    export default async (input, ctx) => {
      ctx.progress(0.25, "a quarter");
      console.log("waiting");
      await ctx.sleep(600_000);
    };`,
  "floods.ts": `
    export default () => {
      console.log("x".repeat(60_000));
      for (let line = 0; line < 5_000; line++) console.log("line " + line + " " + "y".repeat(180));
      return "z".repeat(200_000);
    };`,
  "orders/import.ts": `
    import { defineTask, t } from "taskflow";
    export default defineTask({
      description: "Import the orders of a shop",
      input: t.Object({
        shop: t.String({ description: "Its short name" }),
        pages: t.Integer({ default: 5, minimum: 1, maximum: 9 }),
        mode: t.Union([t.Literal("full"), t.Literal("delta")], { default: "delta" }),
        dry: t.Boolean({ default: false }),
        filter: t.Optional(t.Object({ country: t.String(), tags: t.Array(t.String()) })),
      }),
      timeout: 60,
      priority: "high",
      schedule: { name: "orders", cron: "0 3 * * *", timezone: "Europe/Berlin", input: { shop: "berlin" } },
      run: (input) => input,
    });`,
  "broken.ts": `export default { run( }`,
};

/** Sends a request that has to succeed, and resolves with the answer. */
export async function send<Answer>(url: string, method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

/** Submits a task and resolves with its id. */
export async function submit(url: string, func_name: string, kwargs: object = {}, more: object = {}): Promise<string> {
  const { task_id } = await send<{ task_id: string }>(url, "POST", "/api/v1/tasks", { func_name, kwargs, ...more });
  return task_id;
}
