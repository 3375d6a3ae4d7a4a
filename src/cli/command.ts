import { type Command, Option } from "commander";
import { Client, targetFrom } from "./client.ts";
import { Failure } from "./failure.ts";
import { Output } from "./output.ts";
import { printableJson } from "./printable.ts";

/** What every command that speaks to a server is told. */
export interface ServerOptions {
  readonly url: string;
  readonly json?: true;
}

/** What such a command works with. */
export interface Session {
  readonly client: Client;
  readonly output: Output;
  /** Whether the answer is for a program. */
  readonly isJson: boolean;
}

const usualUrl = "http://127.0.0.1:8000";

/** Adds a command. `usage` is its name and arguments, and each example a whole command line. */
export function addCommand(parent: Command, usage: string, summary: string, examples: readonly string[]): Command {
  const lines = examples.map((example) => `  $ taskflow ${example}`);
  return parent
    .command(usage)
    .summary(summary)
    .description(`${summary}.`)
    .addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

/** The same for a command that speaks to a server. */
export function addServerCommand(
  parent: Command,
  usage: string,
  summary: string,
  examples: readonly string[],
): Command {
  const url = new Option("--url <url>", "where the server is").env("TASKFLOW_URL").default(usualUrl);
  return addCommand(parent, usage, summary, examples)
    .option("--json", "print the answer of the API as JSON")
    .addOption(url);
}

/** Runs what a command does with its server; the exit code says how that went. */
export async function withServer(options: ServerOptions, work: (session: Session) => Promise<void>): Promise<void> {
  const output = new Output();
  const isJson = options.json === true;
  try {
    // The key comes by the environment alone: a command line is seen by everyone on the machine.
    const client = new Client(targetFrom(options.url || usualUrl, process.env.TASKFLOW_API_KEY));
    await work({ client, output, isJson });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    report(error, output, isJson ? "json" : "text");
  }
}

/** Says why a command ends without what it was asked for, and sets the exit code. */
export function report(failure: Failure, output: Output, form: "json" | "text"): void {
  process.exitCode = failure.exitCode;
  if (form === "json") {
    output.note(printableJson(JSON.stringify(failure.problem)));
    return;
  }
  output.note(output.paintNote("bad", failure.message));
  if (failure.advice !== null) output.note(failure.advice);
}
