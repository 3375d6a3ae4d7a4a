import type { Static } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { CronError, parseCron } from "../domain/cron.ts";
import { priorityNumber, scheduleSchema } from "../domain/handler.ts";
import type { BindInput } from "../domain/input.ts";
import { type DeclaredEntry, periodicNameFault } from "../domain/periodic.ts";
import { OptionError, wrongOption } from "./option-error.ts";

/**
 * The periodic tasks that a handler declares by its option `schedule`. One without a name has the handler's.
 * @throws OptionError that says which of them is wrong, and how.
 */
export function schedulesOf(handler: string, schedule: unknown, bind: BindInput): readonly DeclaredEntry[] {
  const declared = listOf(schedule).map((placed) => ({ at: placed.at, entry: entryOf(handler, placed, bind) }));
  const names = new Set<string>();
  for (const { at, entry } of declared) {
    if (names.has(entry.name)) {
      const rule = "each of a list has a name of its own, and one without has the handler's";
      throw wrong(`${at}.name`, `'${entry.name}' is the name of another one: ${rule}`, "name", entry.name);
    }
    names.add(entry.name);
  }
  return declared.map(({ entry }) => entry);
}

interface Placed {
  /** The path of the option, and of the expression in it. */
  readonly at: string;
  readonly cronAt: string;
  readonly given: Static<typeof scheduleSchema>;
}

const option = "schedule";
const compiled = TypeCompiler.Compile(scheduleSchema);

function listOf(schedule: unknown): readonly Placed[] {
  if (typeof schedule === "string") return [{ at: option, cronAt: option, given: { cron: schedule } }];
  if (Array.isArray(schedule)) return schedule.map((given, index) => checked(given, `${option}.${index}`));
  if (typeof schedule === "object" && schedule !== null) return [checked(schedule, option)];
  throw wrong(option, "must be a cron expression, an object that has one as `cron`, or a list of such objects");
}

function checked(given: unknown, at: string): Placed {
  if (compiled.Check(given)) return { at, cronAt: `${at}.cron`, given };
  const error = compiled.Errors(given).First();
  const name = error?.path.split("/")[1];
  throw new OptionError(wrongOption(error, at), [option, ...(name === undefined ? [] : [name])]);
}

function entryOf(handler: string, { at, cronAt, given }: Placed, bind: BindInput): DeclaredEntry {
  const { name = handler, cron, timezone = "UTC", input = {}, timeout, maxRetries, priority } = given;
  const nameFault = periodicNameFault(name);
  if (nameFault !== null) {
    const whose = given.name === undefined ? "the handler's own name" : "it";
    throw wrong(`${at}.name`, `${whose} ${nameFault}`, "name");
  }
  read(() => parseCron(cron, "UTC"), cronAt, cron);
  const zone = read(() => parseCron(cron, timezone), `${at}.timezone`, timezone).timezone;
  checkInput(input, at, bind);
  return {
    name,
    funcName: handler,
    cronExpression: cron,
    timezone: zone,
    args: [],
    kwargs: input,
    priority: priority === undefined ? null : priorityNumber(priority),
    maxRetries: maxRetries ?? null,
    timeoutMs: timeout === undefined ? null : timeout * 1_000,
    overlap: given.overlap ?? "skip",
    catchUp: given.catchUp ?? "latest",
  };
}

function read<Value>(parse: () => Value, at: string, text: string): Value {
  try {
    return parse();
  } catch (error) {
    if (error instanceof CronError) throw wrong(at, error.message, text);
    throw error;
  }
}

/** Only the first fault is told, as of all options. */
function checkInput(input: Readonly<Record<string, unknown>>, at: string, bind: BindInput): void {
  // Binding fills defaults into nested values.
  const bound = bind([], structuredClone(input));
  const fault = bound.ok ? undefined : bound.faults[0];
  if (fault === undefined) return;
  const path = fault.path.replace(/^\/kwargs/, "").replaceAll("/", ".");
  throw wrong(`${at}.input${path}`, fault.message, "input");
}

function wrong(at: string, message: string, ...mentions: readonly string[]): OptionError {
  return new OptionError(`option '${at}': ${message}`, [option, ...mentions]);
}
