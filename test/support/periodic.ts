import type { Decision, DeclaredEntry, PeriodicDefinition, PeriodicTask } from "../../src/domain/periodic.ts";
import { jsonText, type Task } from "../../src/domain/task.ts";
import { aTask } from "./tasks.ts";

/** What someone says of an entry that fires `echo` every minute, with whatever `overrides` say. */
export function aDefinition(overrides: Partial<PeriodicDefinition> = {}): PeriodicDefinition {
  return {
    name: "tick",
    funcName: "echo",
    cronExpression: "* * * * *",
    timezone: "UTC",
    args: [],
    kwargs: {},
    priority: null,
    maxRetries: null,
    timeoutMs: null,
    overlap: "skip",
    catchUp: "latest",
    enabled: true,
    ...overrides,
  };
}

/** The same as a handler's file declares it. */
export function aDeclaration(overrides: Partial<DeclaredEntry> = {}): DeclaredEntry {
  const { enabled: _enabled, ...definition } = aDefinition(overrides);
  return definition;
}

/** An entry that was just created and is due at 60,000. */
export function anEntry(overrides: Partial<PeriodicTask> = {}): PeriodicTask {
  return {
    ...aDefinition(),
    args: jsonText([]),
    kwargs: jsonText({}),
    source: "api",
    createdAt: 1_000,
    nextRun: 60_000,
    lastRun: null,
    runCount: 0,
    decidedUntil: null,
    revision: 1_000,
    ...overrides,
  };
}

/** What fires `entry` at `nominalAt`. */
export function aFiring(
  { name, overlap }: PeriodicTask,
  nominalAt: number,
  overrides: Partial<Task> = {},
): Extract<Decision, { kind: "fire" }> {
  const task = aTask({ periodicTask: name, scheduledFor: nominalAt, runAt: nominalAt, ...overrides });
  return { kind: "fire", nominalAt, overlap, reason: null, task };
}
