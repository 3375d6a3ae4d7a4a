#!/usr/bin/env bun
import { CommanderError } from "commander";
import { exitCodes } from "./failure.ts";
import { createProgram } from "./program.ts";

/** `taskflow …`: reads the command line and runs one command. The exit code says how it went. */
try {
  await createProgram().parseAsync();
} catch (error) {
  // Commander has said what is wrong, or printed the help that was asked for.
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
}
