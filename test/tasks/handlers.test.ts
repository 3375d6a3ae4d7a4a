import { describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import { handlerName, handlerOptionsSchema, type TaskDefinition } from "../../src/domain/handler.ts";
import { compileInput, type InputSchema } from "../../src/domain/input.ts";

const folder = join(import.meta.dir, "../../tasks");

async function load(name: string): Promise<TaskDefinition> {
  const module: { default: TaskDefinition } = await import(join(folder, `${name}.ts`));
  return module.default;
}

/** The schema as it reaches the server: without TypeBox's symbols. */
async function inputSchema(name: string): Promise<InputSchema> {
  return JSON.parse(JSON.stringify((await load(name)).input));
}

const positional: Record<string, { args: unknown[]; input: Record<string, unknown> }> = {
  hello_world: { args: ["Ada"], input: { name: "Ada" } },
  add_numbers: { args: [5, 3], input: { a: 5, b: 3 } },
  slow_task: { args: [1.5], input: { duration: 1.5 } },
  random_failure: { args: [0.9], input: { failure_rate: 0.9 } },
  process_data: { args: [{ a: [1] }], input: { data: { a: [1] } } },
  fetch_api_data: { args: ["https://example.com/x?y=1"], input: { url: "https://example.com/x?y=1" } },
  generate_report: { args: ["queue"], input: { report_type: "queue" } },
  cleanup_old_files: { args: [7, "uploads", true], input: { days_old: 7, directory: "uploads", dry_run: true } },
  database_backup: { args: ["x.db", "copies", 3], input: { database: "x.db", directory: "copies", keep: 3 } },
  send_email: { args: ["a@example.com", "Hi", "Text"], input: { to: "a@example.com", subject: "Hi", body: "Text" } },
  check_system_health: { args: [], input: {} },
};

const defaults: Record<string, Record<string, unknown>> = {
  hello_world: { name: "World" },
  slow_task: { duration: 5 },
  random_failure: { failure_rate: 0.3 },
  generate_report: { report_type: "summary" },
  cleanup_old_files: { days_old: 30, directory: "tmp", dry_run: false },
  database_backup: { database: "taskflow.db", directory: "backups" },
  check_system_health: {},
};

/** One input each that must not be accepted. */
const refused: [handler: string, kwargs: Record<string, unknown>, path: string][] = [
  ["add_numbers", { a: "5", b: 3 }, "/kwargs/a"],
  ["add_numbers", { a: 5 }, "/kwargs/b"],
  ["slow_task", { duration: -1 }, "/kwargs/duration"],
  ["slow_task", { duration: 3601 }, "/kwargs/duration"],
  ["random_failure", { failure_rate: 1.1 }, "/kwargs/failure_rate"],
  ["process_data", {}, "/kwargs/data"],
  ["fetch_api_data", { url: "not a url" }, "/kwargs/url"],
  ["generate_report", { report_type: "sales" }, "/kwargs/report_type"],
  ["cleanup_old_files", { days_old: -1 }, "/kwargs/days_old"],
  ["cleanup_old_files", { directory: "" }, "/kwargs/directory"],
  ["database_backup", { keep: 0 }, "/kwargs/keep"],
  ["send_email", { to: "nobody", subject: "", body: "" }, "/kwargs/to"],
  ["send_email", { to: "a@example.com\r\nBcc: b@example.com", subject: "", body: "" }, "/kwargs/to"],
  ["send_email", { to: "a@example.com", subject: "Hi\r\nBcc: b@example.com", body: "" }, "/kwargs/subject"],
  ["send_email", { to: "a@example.com", subject: "Hi\nthere", body: "" }, "/kwargs/subject"],
  ["check_system_health", { verbose: true }, "/kwargs/verbose"],
];

const names = (await readdir(folder)).map(handlerName).filter((name) => name !== null);

describe("the handlers that ship", () => {
  test("are those of the list", () => {
    expect(names.sort()).toEqual(Object.keys(positional).sort());
  });

  test.each(names)("%s has a description, options and a schema that the server takes", async (name) => {
    const { run, input, ...options } = await load(name);
    expect(run).toBeFunction();
    expect(options.description).not.toBeEmpty();
    expect([...Value.Errors(handlerOptionsSchema, { ...options, input: await inputSchema(name) })]).toEqual([]);
  });

  test.each(names)("%s describes each of its arguments", async (name) => {
    for (const property of Object.values((await load(name)).input?.properties ?? {})) {
      expect(property.description).not.toBeEmpty();
    }
  });

  test.each(Object.entries(positional))("%s binds its args by position", async (name, { args, input }) => {
    expect(compileInput(await inputSchema(name))(args, {})).toEqual({ ok: true, input });
  });

  test.each(Object.entries(defaults))("%s runs without arguments", async (name, input) => {
    expect(compileInput(await inputSchema(name))([], {})).toEqual({ ok: true, input });
  });

  test.each(refused)("%s refuses %j", async (name, kwargs, path) => {
    const bound = compileInput(await inputSchema(name))([], kwargs);
    expect(bound.ok ? [] : bound.faults.map((fault) => fault.path)).toContain(path);
  });
});
