import { Type } from "@sinclair/typebox";
import { TaskflowError, unknownPeriodicTask } from "../domain/error.ts";
import { answer, errors, queueFull, refusal, withHeader } from "./detail.ts";
import { firingSchema, periodicEntrySchema, periodicTaskSchema, savedPeriodicSchema } from "./schema.ts";

const tags = ["Periodic tasks"];

const previewSchema = Type.Object({
  cron_words: Type.String({ description: "The expression in English" }),
  timezone: Type.String({ description: "As IANA writes it" }),
  upcoming: Type.Array(Type.String({ format: "date-time" }), { description: "Fewer where the times end" }),
});

const name = "nightly_report";
const entry = {
  name,
  func_name: "generate_report",
  cron_expression: "30 2 * * *",
  cron_words: "At 02:30",
  timezone: "Europe/Berlin",
  args: [],
  kwargs: { report_type: "failures" },
  priority: null,
  max_retries: null,
  timeout: 60,
  overlap: "skip",
  catch_up: "latest",
  enabled: true,
  source: "api",
  created_at: "2026-01-30T09:00:00.000Z",
  next_run: "2026-02-01T01:30:00.000Z",
  last_run: "2026-01-31T01:30:00.000Z",
  run_count: 1,
};
const days = ["01", "02", "03", "04", "05"];
const shown = { ...entry, upcoming: days.map((day) => `2026-02-${day}T01:30:00.000Z`) };
const fired = {
  scheduled_for: entry.last_run,
  outcome: "fired",
  decided_at: "2026-01-31T01:30:00.004Z",
  reason: null,
  detail: null,
  task_id: "0198c5a8-7d3e-7c4f-9a51-2f1f0c6b8e21",
  since: null,
};

const badCron = {
  400: refusal(
    "The expression or the time zone is wrong, or the body is not readable JSON",
    new TaskflowError("invalid_cron", "The hour '25' is wrong: it is from 0 to 23."),
  ),
};
const absent = { 404: refusal("There is no such periodic task", unknownPeriodicTask(name)) };
const declared = {
  409: refusal(
    "A handler declares it",
    new TaskflowError(
      "periodic_task_declared",
      `The periodic task '${name}' is declared by the handler 'generate_report' and can only be deleted there.`,
    ),
  ),
};

/** What the API's documentation says of each route under `/api/v1/periodic-tasks`. */
export const periodicDetails = {
  save: {
    tags,
    operationId: "savePeriodicTask",
    summary: "Create or replace a periodic task",
    description:
      "One of the same name is replaced: it keeps its history and its count, and as long as expression and time zone are the same, its next time.",
    responses: {
      201: withHeader(
        answer("The periodic task, stored", savedPeriodicSchema, {
          ...shown,
          message: `Periodic task '${name}' created`,
          replaced: false,
          last_run: null,
          run_count: 0,
        }),
        "Location",
        "Its path",
      ),
      ...errors(404, 413, 415, 422, 503),
      ...badCron,
      ...declared,
    },
  },
  preview: {
    tags,
    operationId: "previewPeriodicTask",
    summary: "Read a cron expression without storing anything",
    responses: {
      200: answer("What it means and when it comes due next", previewSchema, {
        cron_words: entry.cron_words,
        timezone: entry.timezone,
        upcoming: shown.upcoming,
      }),
      ...errors(413, 415, 422),
      ...badCron,
    },
  },
  list: {
    tags,
    operationId: "listPeriodicTasks",
    summary: "List all periodic tasks",
    description: "An object: each is under its name. The times to come are those of one alone.",
    responses: {
      200: answer("All of them", Type.Record(Type.String(), periodicEntrySchema), { [name]: entry }),
      ...errors(422),
    },
  },
  show: {
    tags,
    operationId: "getPeriodicTask",
    summary: "Get a periodic task",
    responses: { 200: answer("It, with its next times", periodicTaskSchema, shown), ...errors(422), ...absent },
  },
  change: {
    tags,
    operationId: "changePeriodicTask",
    summary: "Change a periodic task",
    description:
      "What is not sent stays, and null is the handler's own setting. A changed expression or time zone takes effect at once. `enabled: false` pauses it: what passes meanwhile is not missed. Of one that a handler declares only `enabled` can be changed, and stays changed.",
    responses: {
      200: answer("It, changed", periodicTaskSchema, { ...shown, enabled: false, next_run: null, upcoming: [] }),
      ...errors(413, 415, 422, 503),
      ...badCron,
      ...absent,
      ...declared,
    },
  },
  remove: {
    tags,
    operationId: "deletePeriodicTask",
    summary: "Delete a periodic task",
    description: "Its history goes with it, its tasks stay.",
    responses: {
      200: answer("It is gone", Type.Object({ message: Type.String() }), {
        message: `Periodic task '${name}' deleted`,
      }),
      ...errors(422, 503),
      ...absent,
      ...declared,
    },
  },
  trigger: {
    tags,
    operationId: "triggerPeriodicTask",
    summary: "Submit its task now",
    description: "Paused or not. It disturbs neither the next time nor the count.",
    responses: {
      200: answer("The task, accepted", Type.Object({ message: Type.String(), task_id: Type.String() }), {
        message: `Periodic task '${name}' triggered`,
        task_id: fired.task_id,
      }),
      ...errors(422, 503),
      ...queueFull,
      ...absent,
    },
  },
  history: {
    tags,
    operationId: "listFirings",
    summary: "List what became of its times",
    description: "The last 100 that fired, that were skipped and that were missed, newest first.",
    responses: { 200: answer("Each of them", Type.Array(firingSchema), [fired]), ...errors(422), ...absent },
  },
};
