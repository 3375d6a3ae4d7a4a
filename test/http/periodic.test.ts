import { describe, expect, test } from "bun:test";
import type { Static } from "@sinclair/typebox";
import { firingSchema, periodicEntrySchema, periodicTaskSchema, savedPeriodicSchema } from "../../src/http/schema.ts";
import { problemOf, type TestApp, taskOf, testApp } from "../support/app.ts";
import { aDeclaration } from "../support/periodic.ts";
import { breaches } from "../support/schema.ts";

const path = "/api/v1/periodic-tasks";
const minutely = { name: "tick", func_name: "echo", cron_expression: "* * * * *" };

type Entry = Static<typeof periodicTaskSchema>;
type Saved = Static<typeof savedPeriodicSchema>;
type Line = Static<typeof firingSchema>;

async function save({ post }: TestApp, body: object): Promise<Saved> {
  const response = await post(path, { ...minutely, ...body });
  if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as Saved;
}

async function show({ request }: TestApp, name: string): Promise<Entry> {
  return (await (await request(`${path}/${name}`)).json()) as Entry;
}

async function historyOf({ request }: TestApp, name: string): Promise<readonly Line[]> {
  return (await (await request(`${path}/${name}/history`)).json()) as Line[];
}

function change({ request }: TestApp, name: string, body: object): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return request(`${path}/${name}`, { method: "PATCH", headers, body: JSON.stringify(body) });
}

const remove = ({ request }: TestApp, name: string) => request(`${path}/${name}`, { method: "DELETE" });
const iso = (ms: number) => new Date(ms).toISOString();

describe("POST /api/v1/periodic-tasks", () => {
  test("answers 201 with the whole entry, what it did and where it is", async () => {
    const app = await testApp();
    const response = await app.post(path, minutely);
    expect(response.status).toBe(201);
    const entry = (await response.json()) as Saved;
    const now = app.engine.clock.now();
    const first = Math.floor(now / 60_000 + 1) * 60_000;
    expect(entry).toEqual({
      name: "tick",
      func_name: "echo",
      cron_expression: "* * * * *",
      cron_words: "Every minute",
      timezone: "UTC",
      args: [],
      kwargs: {},
      priority: null,
      max_retries: null,
      timeout: null,
      overlap: "skip",
      catch_up: "latest",
      enabled: true,
      source: "api",
      created_at: iso(now),
      next_run: iso(first),
      last_run: null,
      run_count: 0,
      upcoming: [0, 1, 2, 3, 4].map((n) => iso(first + n * 60_000)),
      message: "Periodic task 'tick' created",
      replaced: false,
    });
    expect(breaches(savedPeriodicSchema, entry)).toEqual([]);
    expect(response.headers.get("location")).toBe(`${path}/tick`);
  });

  test("takes every field, and shows times in UTC beside the zone", async () => {
    const app = await testApp();
    const given = {
      func_name: "add_numbers",
      cron_expression: "30 2 * * *",
      timezone: "Europe/Berlin",
      args: [1],
      kwargs: { b: 2 },
      max_retries: 0,
      timeout: 0.5,
      overlap: "replace",
      catch_up: "all",
      enabled: true,
    };
    const entry = await save(app, { ...given, priority: "critical" });
    expect(entry).toMatchObject({ ...given, priority: 0 });
    expect(entry.upcoming).toHaveLength(5);
    for (const time of entry.upcoming) expect(time).toMatch(/T0[01]:30:00\.000Z$/);
  });

  test("one that is created paused has no next time", async () => {
    const app = await testApp();
    expect(await save(app, { enabled: false })).toMatchObject({ enabled: false, next_run: null, upcoming: [] });
  });

  test("replaces the one of that name, and what is not said is the default again", async () => {
    const app = await testApp();
    await save(app, { overlap: "allow", kwargs: { n: 1 } });
    const entry = await save(app, { cron_expression: "@hourly" });
    expect(entry).toMatchObject({ replaced: true, cron_expression: "@hourly", overlap: "skip", kwargs: {} });
    expect(entry.message).toBe("Periodic task 'tick' replaced");
  });

  test.each([
    [{ cron_expression: "0 25 * * *" }, "The hour '25' is wrong: it is from 0 to 23."],
    [{ cron_expression: "0 0 30 2 *" }, "'0 0 30 2 *' never comes due: its months end on day 29 at the latest."],
    [{ cron_expression: "" }, /^A cron expression has five or six fields, not 0/],
    [{ timezone: "Europe/Berln" }, /^There is no time zone 'Europe\/Berln'.* Did you mean 'Europe\/Berlin'\?$/],
  ])("%j is a 400 that says what is wrong with it", async (body, detail) => {
    const { post } = await testApp();
    expect(await problemOf(await post(path, { ...minutely, ...body }))).toMatchObject({
      status: 400,
      code: "invalid_cron",
      detail: typeof detail === "string" ? detail : expect.stringMatching(detail),
    });
  });

  test("every fault of a body is told, and an unknown field gets the nearest known one", async () => {
    const { post } = await testApp();
    const body = { name: "x", cron: "* * * * *", time_zone: "UTC", priority: "urgent", timeout: 0, max_retries: 101 };
    const given = { ...body, overlap: "queue", catch_up: 1, enabled: "yes", func_name: "echo", cron_expression: 5 };
    expect((await problemOf(await post(path, given))).errors).toEqual([
      { path: "/cron", message: expect.stringMatching(/^unknown 'cron'\. Known: name, func_name, cron_expression/) },
      { path: "/time_zone", message: "unknown 'time_zone'. Did you mean 'timezone'?" },
      { path: "/cron_expression", message: "must be string" },
      { path: "/priority", message: "must be 0 to 3, or critical, high, normal, low; or null for the handler's own" },
      { path: "/max_retries", message: "must be 0 to 100 attempts after the first, or null for the handler's own" },
      {
        path: "/timeout",
        message: "must be seconds above 0 that one attempt may take, or null for the handler's own",
      },
      { path: "/overlap", message: "must be one of skip, allow, replace" },
      { path: "/catch_up", message: "must be one of latest, none, all" },
      { path: "/enabled", message: "must be boolean" },
    ]);
  });

  test("name, func_name and cron_expression are required", async () => {
    const { post } = await testApp();
    const { errors } = await problemOf(await post(path, {}));
    expect(errors?.map((fault) => fault.path)).toEqual(["/name", "/func_name", "/cron_expression"]);
  });

  test("an unknown handler is a 404, one that does not load a 503, input that does not fit a 422", async () => {
    const { engine, post } = await testApp();
    engine.catalog.break("broken", "Unexpected ;");
    const refusal = async (body: object) => problemOf(await post(path, { ...minutely, ...body }));
    expect(await refusal({ func_name: "ecko" })).toMatchObject({ status: 404, code: "unknown_handler" });
    expect(await refusal({ func_name: "broken" })).toMatchObject({ status: 503, code: "handler_load_error" });
    expect(await refusal({ func_name: "add_numbers", kwargs: { a: 1 } })).toMatchObject({
      status: 422,
      errors: [{ path: "/kwargs/b", message: "missing required 'b'" }],
    });
  });

  test("a store that refuses is a 503, and afterwards it goes on", async () => {
    const app = await testApp();
    app.engine.faults.refuse("savePeriodic");
    const response = await app.post(path, minutely);
    expect(await problemOf(response)).toMatchObject({ status: 503, code: "store_unavailable" });
    app.engine.faults.heal();
    expect(await save(app, {})).toMatchObject({ replaced: false });
  });
});

describe("a name", () => {
  test.each([
    "db:backup",
    "Größe 1",
    "a%20b",
    "a?b#c",
    "100%",
    "__proto__",
    "constructor",
    "x".repeat(200),
    "🙂",
    "a+b",
  ])("may be %s, and is found by it", async (name) => {
    const app = await testApp();
    const response = await app.post(path, { ...minutely, name });
    expect(response.status).toBe(201);
    const location = String(response.headers.get("location"));
    expect((await (await app.request(location)).json()).name).toBe(name);
    expect((await (await app.request(`${location}/history`)).json()) as unknown).toEqual([]);
    expect((await app.post(`${location}/trigger`)).status).toBe(200);
    const list = await (await app.request(path)).text();
    expect(Object.keys(JSON.parse(list))).toEqual([name]);
    expect((await app.request(location, { method: "DELETE" })).status).toBe(200);
  });

  test.each([
    ["", "its length must be greater or equal to 1"],
    ["x".repeat(201), "its length must be less or equal to 200"],
    ["a/b", "the name has a slash in it"],
    [".", "the name means a folder in an address"],
    ["..", "the name means a folder in an address"],
    [" a", "the name has a space at one of its ends"],
    ["a\n", "the name has a space at one of its ends"],
    ["a\u0000b", "the name has a character in it that cannot be written"],
    ["a\ud800", "the name has a character in it that cannot be written"],
  ])("is refused as %j", async (name, message) => {
    const { post } = await testApp();
    const problem = await problemOf(await post(path, { ...minutely, name }));
    expect(problem).toMatchObject({ status: 422, errors: [{ path: "/name", message }] });
  });

  test.each(["%zz", "%E0%A4", "nope", "a%2Fb"])("that nobody has, %s, is no defect", async (name) => {
    const app = await testApp();
    for (const [method, suffix] of [
      ["GET", ""],
      ["GET", "/history"],
      ["POST", "/trigger"],
      ["DELETE", ""],
    ] as const) {
      const { status } = await problemOf(await app.request(`${path}/${name}${suffix}`, { method }));
      expect([404, 422]).toContain(status);
    }
    expect([404, 422]).toContain((await problemOf(await change(app, name, { enabled: false }))).status);
  });
});

describe("GET /api/v1/periodic-tasks", () => {
  test("is an object of all entries by name", async () => {
    const app = await testApp();
    expect(await (await app.request(path)).json()).toEqual({});
    await save(app, { name: "b", kwargs: { n: 1 } });
    await save(app, { name: "a" });
    const list = (await (await app.request(path)).json()) as Record<string, unknown>;
    expect(Object.keys(list)).toEqual(["a", "b"]);
    const { upcoming, ...entry } = await show(app, "b");
    expect(list.b).toEqual(entry);
    expect(upcoming).toHaveLength(5);
    for (const each of Object.values(list)) expect(breaches(periodicEntrySchema, each)).toEqual([]);
  });
});

describe("PATCH /api/v1/periodic-tasks/{name}", () => {
  test("changes what is sent and leaves the rest", async () => {
    const app = await testApp();
    const before = await save(app, { kwargs: { n: 1 }, priority: 0, max_retries: 7, timeout: 5, overlap: "allow" });
    const response = await change(app, "tick", { cron_expression: "0 * * * *", overlap: "replace" });
    expect(response.status).toBe(200);
    const { message: _message, replaced: _replaced, ...rest } = before;
    const now = app.engine.clock.now();
    const hour = Math.floor(now / 3_600_000 + 1) * 3_600_000;
    const after = (await response.json()) as Entry;
    expect(after).toEqual({
      ...rest,
      cron_expression: "0 * * * *",
      cron_words: "Every hour",
      overlap: "replace",
      next_run: iso(hour),
      upcoming: [0, 1, 2, 3, 4].map((n) => iso(hour + n * 3_600_000)),
    });
    expect(breaches(periodicTaskSchema, after)).toEqual([]);
  });

  test("null gives a setting back to the handler", async () => {
    const app = await testApp();
    await save(app, { priority: 0, max_retries: 7, timeout: 5 });
    const response = await change(app, "tick", { priority: null, max_retries: null, timeout: null });
    expect(await response.json()).toMatchObject({ priority: null, max_retries: null, timeout: null });
  });

  test("pauses and goes on", async () => {
    const app = await testApp();
    await save(app, {});
    expect(await (await change(app, "tick", { enabled: false })).json()).toMatchObject({
      enabled: false,
      next_run: null,
      upcoming: [],
    });
    await app.engine.clock.advance(600_000);
    expect(await (await change(app, "tick", { enabled: true })).json()).toMatchObject({ enabled: true, run_count: 0 });
    expect((await show(app, "tick")).upcoming).toHaveLength(5);
  });

  test.each([
    [{ name: "other" }, "/name", /^unknown 'name'/],
    [{ run_count: 0 }, "/run_count", /^unknown 'run_count'/],
    [{ enable: false }, "/enable", "unknown 'enable'. Did you mean 'enabled'?"],
    [{ timezone: null }, "/timezone", "must be string"],
    [{ enabled: null }, "/enabled", "must be boolean"],
    [{ kwargs: null }, "/kwargs", "must be object"],
    [{ overlap: null }, "/overlap", "must be one of skip, allow, replace"],
  ])("%j is a 422 that says why", async (body, where, message) => {
    const app = await testApp();
    await save(app, {});
    expect((await problemOf(await change(app, "tick", body))).errors).toEqual([
      { path: where, message: typeof message === "string" ? message : expect.stringMatching(message) },
    ]);
  });

  test("what the entry cannot be is refused, and leaves it as it was", async () => {
    const app = await testApp();
    await save(app, { func_name: "add_numbers", args: [1, 2] });
    const before = await show(app, "tick");
    const statuses = [];
    for (const body of [{ cron_expression: "x" }, { timezone: "Mars" }, { func_name: "nope" }, { args: [1] }]) {
      statuses.push((await problemOf(await change(app, "tick", body))).status);
    }
    expect(statuses).toEqual([400, 400, 404, 422]);
    expect(await show(app, "tick")).toEqual(before);
  });
});

describe("what fires", () => {
  test("is a task that names its periodic task and its time, and a line of the history", async () => {
    const app = await testApp({ slots: 1 });
    await save(app, { kwargs: { n: 1 } });
    const due = Math.floor(app.engine.clock.now() / 60_000 + 1) * 60_000;
    await app.engine.clock.advance(due - app.engine.clock.now());
    const [line] = await historyOf(app, "tick");
    expect(line).toMatchObject({ scheduled_for: iso(due), outcome: "fired", reason: null, detail: null, since: null });
    const task = await taskOf(await app.request(`/api/v1/tasks/${line?.task_id}`));
    expect(task).toMatchObject({ periodic_task: "tick", scheduled_for: iso(due), kwargs: { n: 1 } });
    expect(await show(app, "tick")).toMatchObject({ last_run: iso(due), run_count: 1, next_run: iso(due + 60_000) });

    await app.engine.clock.advance(60_000);
    const lines = await historyOf(app, "tick");
    expect(lines).toMatchObject([{ outcome: "skipped", reason: "overlap", task_id: line?.task_id }, line ?? {}]);
    for (const each of lines) expect(breaches(firingSchema, each)).toEqual([]);
  });

  test("is not what is triggered: that has no time, and changes neither count nor next", async () => {
    const app = await testApp();
    await save(app, { enabled: false, priority: 3 });
    const before = await show(app, "tick");
    const response = await app.post(`${path}/tick/trigger`);
    expect(response.status).toBe(200);
    const { message, task_id } = (await response.json()) as { message: string; task_id: string };
    expect(message).toBe("Periodic task 'tick' triggered");
    expect(await taskOf(await app.request(`/api/v1/tasks/${task_id}`))).toMatchObject({
      periodic_task: "tick",
      scheduled_for: null,
      priority: 3,
    });
    expect(await show(app, "tick")).toEqual(before);
  });

  test("cannot be triggered while the queue is full, or without its handler", async () => {
    const app = await testApp({ slots: 0, settings: { maxQueueSize: 1 } });
    await save(app, {});
    expect((await app.post(`${path}/tick/trigger`)).status).toBe(200);
    expect(await problemOf(await app.post(`${path}/tick/trigger`))).toMatchObject({ code: "queue_full", status: 429 });
    app.engine.catalog.remove("echo");
    expect(await problemOf(await app.post(`${path}/tick/trigger`))).toMatchObject({ code: "unknown_handler" });
  });
});

describe("DELETE /api/v1/periodic-tasks/{name}", () => {
  test("forgets it, and then it is a 404", async () => {
    const app = await testApp();
    await save(app, {});
    const response = await remove(app, "tick");
    expect([response.status, await response.json()]).toEqual([200, { message: "Periodic task 'tick' deleted" }]);
    expect(await problemOf(await remove(app, "tick"))).toMatchObject({ status: 404, code: "unknown_periodic_task" });
    expect(await (await app.request(path)).json()).toEqual({});
  });
});

describe("one that a handler declares", () => {
  test("says so, can be paused and triggered, and is neither replaced, changed nor deleted: 409", async () => {
    const app = await testApp();
    await app.engine.periodic.syncDeclared([aDeclaration({ name: "tick" })]);
    expect(await show(app, "tick")).toMatchObject({ source: "handler", enabled: true });
    const conflict = { status: 409, code: "periodic_task_declared", detail: expect.stringContaining("'echo'") };
    expect(await problemOf(await app.post(path, minutely))).toMatchObject(conflict);
    expect(await problemOf(await change(app, "tick", { overlap: "allow" }))).toMatchObject(conflict);
    expect(await problemOf(await remove(app, "tick"))).toMatchObject(conflict);
    expect((await change(app, "tick", { enabled: false })).status).toBe(200);
    expect((await app.post(`${path}/tick/trigger`)).status).toBe(200);
    expect(await show(app, "tick")).toMatchObject({ source: "handler", enabled: false, next_run: null });
  });
});

test("another method is a 405 that names those there are, an unknown query a 422", async () => {
  const app = await testApp();
  const put = await app.request(`${path}/tick`, { method: "PUT" });
  expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, PATCH, DELETE"]);
  const get = await app.request(`${path}/tick/trigger`);
  expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
  expect((await problemOf(await app.request(`${path}?limit=1`))).errors).toMatchObject([{ path: "/limit" }]);
});

describe("POST /api/v1/periodic-tasks/preview", () => {
  test("tells an expression in words and its next times, and stores nothing", async () => {
    const { engine, post, request } = await testApp();
    const response = await post("/api/v1/periodic-tasks/preview", {
      ...{ cron_expression: "30 2 * * *", timezone: "europe/berlin", count: 2 },
    });
    expect(response.status).toBe(200);
    const upcoming = [1, 2].map((day) => new Date(Date.UTC(2030, 0, day, 1, 30)).toISOString());
    expect(engine.clock.now()).toBe(Date.UTC(2030, 0, 1));
    expect(await response.json()).toEqual({ cron_words: "At 02:30", timezone: "Europe/Berlin", upcoming });
    const daily = await (await post("/api/v1/periodic-tasks/preview", { cron_expression: "@daily" })).json();
    expect(daily).toMatchObject({ timezone: "UTC", upcoming: { length: 5 } });
    expect(await (await request("/api/v1/periodic-tasks")).json()).toEqual({});
  });

  test.each<[object, number, string]>([
    [{ cron_expression: "61 * * * *" }, 400, "invalid_cron"],
    [{ cron_expression: "0 0 31 2 *" }, 400, "invalid_cron"],
    [{ cron_expression: "* * * * *", timezone: "Berlin" }, 400, "invalid_cron"],
    [{ cron_expression: "* * * * *", count: 21 }, 422, "validation_failed"],
    [{ timezone: "UTC" }, 422, "validation_failed"],
    [{ cron_expression: "* * * * *", name: "x" }, 422, "validation_failed"],
  ])("refuses %j", async (body, status, code) => {
    const { post } = await testApp();
    expect(await problemOf(await post("/api/v1/periodic-tasks/preview", body))).toMatchObject({ status, code });
  });

  test("entries have their expression in words, alone and in the list", async () => {
    const { post, request } = await testApp();
    const body = { name: "nightly", func_name: "echo", cron_expression: "@weekly" };
    const saved = await (await post("/api/v1/periodic-tasks", body)).json();
    const words = "At 00:00, only on Sunday";
    expect(saved).toMatchObject({ cron_words: words });
    expect(await (await request("/api/v1/periodic-tasks")).json()).toMatchObject({ nightly: { cron_words: words } });
  });
});
