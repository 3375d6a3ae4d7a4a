import { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { addLocalCommands } from "./local/commands.ts";
import { addPeriodicCommands } from "./periodic-commands.ts";
import { addSystemCommands } from "./system-commands.ts";
import { addTaskCommands } from "./task-commands.ts";

/** The command line: every command with its options, and help that shows how it is used. */
export function createProgram(): Command {
  const program = new Command("taskflow")
    .description("Runs the files of a tasks folder as tasks, and looks after them.")
    .version(packageJson.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .configureHelp({ sortOptions: true })
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText("after", `\n${help}`);
  addLocalCommands(program);
  addTaskCommands(program);
  addPeriodicCommands(program);
  addSystemCommands(program);
  return program;
}

const help = `Examples:
  $ taskflow start
  $ taskflow submit add_numbers --kwargs '{"a": 5, "b": 3}' --wait
  $ taskflow list --status failed
  $ taskflow show 0198c5a8-… --follow

Environment:
  TASKFLOW_URL      where the server is (http://127.0.0.1:8000), unless --url says it
  TASKFLOW_API_KEY  the key that the server wants; there is no option for it, since everyone can read a command line
  NO_COLOR          print without colours

Exit codes:
  0  done
  1  refused by the server; the task that was waited for failed or was cancelled; the server is not healthy
  2  the command is wrong
  3  no server there
  4  the key is missing, wrong, or may only read
  130  Ctrl-C`;
