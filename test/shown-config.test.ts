import { expect, test } from "bun:test";
import { readConfig, settings } from "../src/config.ts";
import { shownConfig } from "../src/shown-config.ts";

function shown(env: Record<string, string>) {
  return Object.fromEntries(shownConfig(readConfig(env)).map(({ name, value }) => [name, value]));
}

test("shows every setting, as it is without any", () => {
  const values = shown({});
  expect(Object.keys(values)).toEqual(settings.map(({ name }) => name));
  expect(values).toMatchObject({
    TASKFLOW_DATABASE: "sqlite:taskflow.db",
    TASKFLOW_TASKS_DIR: "tasks",
    TASKFLOW_MAX_QUEUE_SIZE: 0,
    TASKFLOW_KILL_GRACE: 2,
    TASKFLOW_API_KEYS: [],
    TASKFLOW_CORS_ORIGINS: null,
    TASKFLOW_WATCH: "auto",
  });
});

test("shows no key and no path", () => {
  const values = shown({
    TASKFLOW_API_KEYS: "ops:s3cret-key-1-long,eyes:s3cret-key-2-long:read",
    TASKFLOW_DATABASE: "sqlite:/srv/hidden/tasks.db",
    TASKFLOW_TASKS_DIR: "/srv/hidden/handlers",
    TASKFLOW_HANDLER_ENV: "SMTP_URL",
    TASKFLOW_RETENTION_FAILED: "60",
  });
  expect(values).toMatchObject({
    TASKFLOW_API_KEYS: ["ops (write)", "eyes (read)"],
    TASKFLOW_DATABASE: "sqlite:tasks.db",
    TASKFLOW_TASKS_DIR: "handlers",
    TASKFLOW_HANDLER_ENV: ["SMTP_URL"],
    TASKFLOW_RETENTION_FAILED: 60,
  });
  expect(JSON.stringify(values)).not.toMatch(/s3cret|hidden/);
});

test("a store in memory is shown as one", () => {
  expect(shown({ TASKFLOW_DATABASE: "sqlite::memory:" }).TASKFLOW_DATABASE).toBe("sqlite::memory:");
});
