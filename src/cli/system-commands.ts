import type { Command } from "commander";
import { addServerCommand, type ServerOptions, type Session, withServer } from "./command.ts";
import { exitCodes } from "./failure.ts";
import { jsonOf, toneOf } from "./output.ts";
import { printable } from "./printable.ts";
import { listOf } from "./shape.ts";
import { fields, priorityName } from "./task-view.ts";
import { top } from "./top.ts";
import { isHandler, isHealth, type WireHandler } from "./wire.ts";

/** Adds what is about the server as a whole. */
export function addSystemCommands(program: Command): void {
  addServerCommand(program, "handlers [name]", "List the handlers, or show one with its input", [
    "handlers",
    "handlers add_numbers",
  ]).action((name: string | undefined, options: ServerOptions) =>
    withServer(options, (session) => (name === undefined ? handlers(session) : handler(session, name))),
  );
  addServerCommand(program, "health", "Say how the server is, and exit with 1 unless it is healthy", [
    "health",
    "health --json | jq .queue",
  ]).action((options: ServerOptions) => withServer(options, health));
  addServerCommand(program, "top", "Watch the server: queue, workers, what runs and what ends", [
    "top",
    "top --url http://10.0.0.5:8000",
  ]).action((options: ServerOptions) => withServer(options, top));
}

async function handlers({ client, output, isJson }: Session): Promise<void> {
  const { text, value } = await client.call("/api/v1/handlers", listOf(isHandler));
  if (isJson) return output.json(text);
  if (value.length === 0) return output.note("There are no handlers: drop a TypeScript file into the tasks folder.");
  output.table(
    ["handler", "status", "description"],
    value.map((one) => [
      printable(one.name),
      { text: printable(one.status), tone: toneOf(one.status) },
      printable(one.error === null ? (one.description ?? "") : placed(one.error)),
    ]),
    "description",
  );
}

async function handler({ client, output, isJson }: Session, name: string): Promise<void> {
  const { text, value } = await client.call(`/api/v1/handlers/${encodeURIComponent(name)}`, isHandler);
  if (isJson) return output.json(text);
  const { options, error, input_schema } = value;
  output.line(output.paint("strong", printable(value.name)), "");
  fields(output, {
    description: value.description === null ? null : printable(value.description),
    file: printable(value.file),
    status: output.paint(toneOf(value.status), printable(value.status)),
    error: error === null ? null : printable(placed(error)),
    timeout: options?.timeout == null ? null : `${options.timeout} s`,
    "max retries": options?.max_retries == null ? null : String(options.max_retries),
    priority: options?.priority == null ? null : priorityName(options.priority),
  });
  if (input_schema === null) return;
  const { properties, required } = input_schema;
  const needed = Array.isArray(required) ? required : [];
  const rows = Object.entries(typeof properties === "object" && properties !== null ? properties : {});
  if (rows.length === 0) return output.line("", "It takes no input.");
  output.line("");
  output.table(
    ["input", "", "schema"],
    rows.map(([member, schema]) => [printable(member), needed.includes(member) ? "required" : "", jsonOf(schema)]),
    "schema",
  );
}

async function health({ client, output, isJson }: Session): Promise<void> {
  const { text, value, status } = await client.call("/health", isHealth, { also: [503] });
  process.exitCode = status === 200 ? exitCodes.ok : exitCodes.refused;
  if (isJson) return output.json(text);
  const { queue, workers, reason } = value;
  const why = reason === null ? "" : `: ${printable(reason)}`;
  output.line(output.paint(toneOf(value.status), printable(value.status) + why), "");
  fields(output, {
    workers: `${workers.active_workers} of ${workers.num_workers} up`,
    running: String(queue.running_count),
    waiting: `${queue.pending_count} queued, ${queue.scheduled_count} for later, ${queue.retrying_count} to be retried`,
    ended: `${queue.completed_count} completed, ${queue.failed_count} failed, ${queue.cancelled_count} cancelled`,
  });
}

function placed({ file, line, message }: NonNullable<WireHandler["error"]>): string {
  return `${line === null ? file : `${file}:${line}`}: ${message}`;
}
