import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { exitCodes } from "../../src/cli/failure.ts";
import { createProgram } from "../../src/cli/program.ts";
import { taskflow } from "./run.ts";

const readme = await Bun.file(join(import.meta.dir, "../../README.md")).text();

/** Every command that does something, by its whole name. */
function commands(parent: Command, before = ""): readonly (readonly [string, Command])[] {
  return parent.commands.flatMap((command) => {
    const name = `${before}${command.name()}`;
    return command.commands.length > 0 ? commands(command, `${name} `) : [[name, command] as const];
  });
}

function longOptions(command: Command): readonly string[] {
  return command.options.flatMap(({ long }) => (long == null || long === "--version" ? [] : [long]));
}

test("the README names every command with its options, and no others", () => {
  const [, section = ""] = /### Command line\n([\s\S]*?)\n##/.exec(readme) ?? [];
  const rows = [...section.matchAll(/^\| `([a-z ]+)[^`]*` *\|[^|]*\|([^|]*)\|$/gm)];
  const documented = new Map(
    rows.map(([, name = "", options = ""]) => [name.trim(), [...options.matchAll(/--[a-z-]+/g)].map(String).sort()]),
  );
  // Every command that speaks to a server takes these; the text above the table says so.
  const common = ["--json", "--url"];
  const actual = commands(createProgram()).map(
    ([name, command]) =>
      [
        name,
        longOptions(command)
          .filter((option) => !common.includes(option))
          .toSorted(),
      ] as const,
  );
  expect([...documented]).toEqual(actual.map(([name, options]) => [name, [...options]]));
  for (const option of common) expect(section).toContain(`\`${option}`);
});

test("the README and the help name every exit code", () => {
  const [, section = ""] = /### Command line\n([\s\S]*?)\n##/.exec(readme) ?? [];
  let help = "";
  createProgram()
    .configureOutput({ writeOut: (text) => (help += text) })
    .outputHelp();
  for (const code of Object.values(exitCodes)) {
    expect(section).toMatch(new RegExp(`\\b${code}\\b`));
    expect(help).toMatch(new RegExp(`^ +${code} {2}`, "m"));
  }
});

test.each(commands(createProgram()))("the help of %s has examples that are commands", (name, command) => {
  let help = "";
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  const examples = [...help.matchAll(/^ {2}\$ taskflow (.*)$/gm)].map(([, words = ""]) => words);
  expect(examples).not.toBeEmpty();
  for (const example of examples) {
    expect(example).toStartWith(name);
    for (const [option] of example.matchAll(/(?<= )--[a-z-]+/g)) expect(longOptions(command)).toContain(option);
  }
});

test("without a command it prints the help and exits with 2, with --help and --version with 0", async () => {
  const nothing = await taskflow({});
  const help = await taskflow({}, "--help");
  expect({ code: nothing.exitCode, stdout: nothing.stdout }).toEqual({ code: 2, stdout: "" });
  expect(help).toEqual({ exitCode: 0, stdout: nothing.stderr, stderr: "" });
  expect(help.stdout).toStartWith("Usage: taskflow [options] [command]");
  expect(await taskflow({}, "--version")).toEqual({ exitCode: 0, stdout: `${packageJson.version}\n`, stderr: "" });
});
