import { type Command, Option } from "commander";
import { addCommand, addServerCommand, type ServerOptions, type Session, withServer } from "./command.ts";
import { jsonOf, toneOf } from "./output.ts";
import { printable } from "./printable.ts";
import { listOf, mapOf } from "./shape.ts";
import { type InputOptions, inputMembers, waitFor, withInput } from "./task-commands.ts";
import { block, fields } from "./task-view.ts";
import { localTime, relative } from "./times.ts";
import { jsonText, objectOf } from "./values.ts";
import {
  isFiring,
  isMessage,
  isPeriodic,
  isPeriodicInFull,
  isSavedPeriodic,
  isTriggered,
  type WirePeriodic,
} from "./wire.ts";

/** Adds `periodic …`: what is done with periodic tasks. */
export function addPeriodicCommands(program: Command): void {
  const periodic = addCommand(program, "periodic", "Look at and change what runs by the clock", [
    "periodic list",
    'periodic create nightly database_backup "0 2 * * *" --tz Europe/Berlin',
    "periodic pause nightly",
  ]);
  addServerCommand(periodic, "list", "List all periodic tasks", ["periodic list"]).action((options: ServerOptions) =>
    withServer(options, list),
  );
  addNamed(periodic, "show <name>", "Show one, with its next times", "periodic show nightly", show);
  addCreate(periodic);
  addNamed(periodic, "pause <name>", "Stop it from firing, until it is resumed", "periodic pause nightly", pause);
  addNamed(periodic, "resume <name>", "Let a paused one fire again", "periodic resume nightly", resume);
  addServerCommand(periodic, "trigger <name>", "Run its task now, beside its times", [
    "periodic trigger nightly --wait",
  ])
    .option("--wait", "follow the task to its end, and exit with 1 unless it completed")
    .action((name: string, options: ServerOptions & { wait?: true }) =>
      withServer(options, (session) => trigger(session, name, options.wait)),
    );
  addNamed(
    periodic,
    "delete <name>",
    "Delete one that was created here or by the API",
    "periodic delete nightly",
    remove,
  );
  addNamed(periodic, "history <name>", "List what became of its latest times", "periodic history nightly", history);
}

type Work = (session: Session, name: string) => Promise<void>;

function addNamed(parent: Command, usage: string, summary: string, example: string, work: Work): void {
  addServerCommand(parent, usage, summary, [example]).action((name: string, options: ServerOptions) =>
    withServer(options, (session) => work(session, name)),
  );
}

interface CreateOptions extends ServerOptions, InputOptions {
  readonly tz?: string;
  readonly overlap?: string;
  readonly catchUp?: string;
  readonly paused?: true;
}

function addCreate(periodic: Command): void {
  const command = addServerCommand(periodic, "create <name> <handler> <cron>", "Create one, or replace it", [
    'periodic create nightly database_backup "0 2 * * *" --tz Europe/Berlin',
    `periodic create hourly_report generate_report @hourly --kwargs '{"report_type": "queue"}'`,
  ]);
  withInput(command)
    .option("--tz <zone>", "time zone of the expression, such as Europe/Berlin (default: UTC)")
    .addOption(
      new Option("--overlap <how>", "when the task of an earlier time has not ended (default: skip)").choices([
        "skip",
        "allow",
        "replace",
      ]),
    )
    .addOption(
      new Option("--catch-up <how>", "which times missed while the server was down run late (default: latest)").choices(
        ["latest", "none", "all"],
      ),
    )
    .option("--paused", "it does not fire before it is resumed")
    .action((name: string, handler: string, cron: string, options: CreateOptions) => {
      const body = objectOf({
        name: jsonText(name),
        func_name: jsonText(handler),
        cron_expression: jsonText(cron),
        timezone: jsonText(options.tz),
        ...inputMembers(options),
        overlap: jsonText(options.overlap),
        catch_up: jsonText(options.catchUp),
        enabled: options.paused ? "false" : undefined,
      });
      return withServer(options, (session) => create(session, body));
    });
}

async function list({ client, output, isJson }: Session): Promise<void> {
  const { text, value } = await client.call("/api/v1/periodic-tasks", mapOf(isPeriodic));
  if (isJson) return output.json(text);
  const entries = Object.values(value);
  if (entries.length === 0) return output.note("There are no periodic tasks. `taskflow periodic create --help`");
  const now = Date.now();
  output.table(
    ["name", "handler", "cron", "zone", "next", "runs"],
    entries.map((entry) => [
      printable(entry.name),
      printable(entry.func_name),
      printable(entry.cron_expression),
      printable(entry.timezone),
      nextOf(entry, now),
      String(entry.run_count),
    ]),
    "name",
  );
}

async function show({ client, output, isJson }: Session, name: string): Promise<void> {
  const { text, value: entry } = await client.call(pathOf(name), isPeriodicInFull);
  if (isJson) return output.json(text);
  const now = Date.now();
  output.line(output.paint("strong", printable(entry.name)), "");
  fields(output, {
    handler: printable(entry.func_name),
    cron: printable(entry.cron_expression),
    zone: printable(entry.timezone),
    next: nextOf(entry, now),
    last: entry.last_run === null ? "never" : `${localTime(entry.last_run)}  ${relative(entry.last_run, now)}`,
    runs: String(entry.run_count),
    args: entry.args.length === 0 ? null : block(jsonOf(entry.args), output),
    kwargs: block(jsonOf(entry.kwargs), output),
    overlap: printable(entry.overlap),
    "catch up": printable(entry.catch_up),
    source: entry.source === "handler" ? "declared by its handler" : "created over the API",
  });
  if (entry.enabled) output.line("", "Next times, by the clock of this machine:", ...entry.upcoming.map(localTime));
}

async function create({ client, output, isJson }: Session, body: string): Promise<void> {
  const { text, value } = await client.call("/api/v1/periodic-tasks", isSavedPeriodic, { method: "POST", body });
  if (isJson) return output.json(text);
  output.line(`${printable(value.message)}; next: ${nextOf(value, Date.now())}`);
}

function pause(session: Session, name: string): Promise<void> {
  return setEnabled(session, name, '{"enabled":false}');
}

function resume(session: Session, name: string): Promise<void> {
  return setEnabled(session, name, '{"enabled":true}');
}

async function setEnabled({ client, output, isJson }: Session, name: string, body: string): Promise<void> {
  const { text, value } = await client.call(pathOf(name), isPeriodicInFull, { method: "PATCH", body });
  if (isJson) return output.json(text);
  output.line(`${printable(value.name)}: ${nextOf(value, Date.now())}`);
}

async function trigger(session: Session, name: string, wait: true | undefined): Promise<void> {
  const { client, output, isJson } = session;
  const { text, value } = await client.call(`${pathOf(name)}/trigger`, isTriggered, { method: "POST" });
  if (!isJson) output.line(`${printable(value.message)}: ${value.task_id}`);
  if (wait) await waitFor(session, value.task_id);
  else if (isJson) output.json(text);
}

async function remove({ client, output, isJson }: Session, name: string): Promise<void> {
  const { text, value } = await client.call(pathOf(name), isMessage, { method: "DELETE" });
  if (isJson) return output.json(text);
  output.line(printable(value.message));
}

async function history({ client, output, isJson }: Session, name: string): Promise<void> {
  const { text, value } = await client.call(`${pathOf(name)}/history`, listOf(isFiring));
  if (isJson) return output.json(text);
  if (value.length === 0) return output.note("It has not come due yet.");
  output.table(
    ["due", "outcome", "task", "why"],
    value.map(({ scheduled_for, outcome, task_id, reason, detail }) => [
      localTime(scheduled_for),
      { text: printable(outcome), tone: toneOf(outcome) },
      task_id ?? "",
      printable(detail ?? reason ?? ""),
    ]),
    "why",
  );
}

function nextOf({ enabled, next_run }: WirePeriodic, now: number): string {
  if (!enabled) return "paused";
  return next_run === null ? "never again" : `${localTime(next_run)}  ${relative(next_run, now)}`;
}

function pathOf(name: string): string {
  return `/api/v1/periodic-tasks/${encodeURIComponent(name)}`;
}
