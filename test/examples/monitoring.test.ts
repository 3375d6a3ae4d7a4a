import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { type Family, parseMetrics } from "../support/prometheus.ts";
import { startServer, type TemporaryFolder, type TestServer, temporaryFolder } from "../support/server.ts";

const folder = resolve(import.meta.dir, "../../examples/monitoring");
const dashboard = await Bun.file(join(folder, "grafana-dashboard.json")).json();
const alerts = Bun.YAML.parse(await Bun.file(join(folder, "alerts.yml")).text()) as {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
};
const scrapeConfig = Bun.YAML.parse(await Bun.file(join(folder, "prometheus.yml")).text()) as {
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly {
    readonly job_name: string;
    readonly metrics_path: string;
    readonly authorization: { readonly type: string };
  }[];
};

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const key = "k".repeat(20);
let tasks: TemporaryFolder;
let server: TestServer;
let scraped: ReadonlyMap<string, Family>;

/** A server at which everything has happened once that makes a series appear. */
beforeAll(async () => {
  tasks = await temporaryFolder();
  await Bun.write(join(tasks.path, "works.ts"), "export default async () => 1;");
  await Bun.write(join(tasks.path, "broken.ts"), "export default {;");
  server = await startServer({ tasksDir: tasks.path, env: { TASKFLOW_API_KEYS: `all:${key}` } });
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const post = (name: string) =>
    fetch(`${server.url}/api/v1/tasks`, { method: "POST", headers, body: JSON.stringify({ func_name: name }) });
  expect((await post("broken")).status).toBe(503);
  expect((await post("works")).status).toBe(201);
  await server.entry(({ msg }) => msg === "task completed");
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/ws`, ["bearer", key]);
  await new Promise((resolve) => {
    socket.onopen = () => socket.send('{"type":"ping"}');
    socket.onmessage = resolve;
  });
  const families = parseMetrics(await (await fetch(`${server.url}/metrics`, { headers })).text());
  scraped = new Map(families.flatMap((family) => family.samples.map(({ name }) => [name, family])));
  socket.close();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await tasks[Symbol.asyncDispose]();
});

/** What Prometheus adds to every series. */
const targetLabels = ["job", "instance"];
const rules = () => alerts.groups.flatMap((group) => group.rules);
const targets = (): { title: string; expr: string; legendFormat: string }[] =>
  (dashboard.panels as readonly Panel[]).flatMap(({ title, targets: own = [] }) =>
    own.map((each) => ({ title, ...each })),
  );

/** What an expression asks of a scrape that is not there; for the names and labels that stand in it. */
function missing(expr: string): string[] {
  const faults: string[] = [];
  const inUse = new Set<string>();
  // Texts hold no names; what Grafana puts in is text or a duration.
  for (const [, name = "", matchers = ""] of expr.matchAll(
    /\b(taskflow_\w+|process_\w+|nodejs_\w+|up)\b(?:\{([^}]*)\})?/g,
  )) {
    const family = scraped.get(name);
    if (name !== "up" && family === undefined) faults.push(`there is no ${name}`);
    const samples = family?.samples.filter((sample) => sample.name === name) ?? [];
    const labels = new Set([...targetLabels, ...samples.flatMap((sample) => Object.keys(sample.labels))]);
    for (const label of labels) inUse.add(label);
    for (const [, label = "", operator = "", value = ""] of matchers.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)) {
      if (!labels.has(label)) faults.push(`${name} has no ${label}`);
      const values = operator.endsWith("~") ? value.split("|") : [value];
      for (const each of targetLabels.includes(label) || value.startsWith("$") ? [] : values)
        if (!samples.some((sample) => sample.labels[label] === each)) faults.push(`no ${name} has ${label}="${each}"`);
    }
  }
  for (const [, list = ""] of expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g))
    for (const label of list.split(",").map((each) => each.trim()))
      if (!inUse.has(label)) faults.push(`nothing in it has ${label}`);
  if (inUse.size === 0) faults.push("it asks for nothing");
  return faults;
}

/** The labels that a result still has: those it is summed by, or else all. */
function labelsOf(expr: string): readonly string[] {
  const by = [...expr.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(","));
  if (by.length > 0) return by.map((label) => label.trim());
  if (/\b(sum|min|max)\(/.test(expr)) return [];
  const families = [...expr.matchAll(/\b(?:taskflow|process|nodejs)_\w+/g)].map(([name]) => scraped.get(name));
  return [
    ...targetLabels,
    ...families.flatMap((family) => family?.samples.flatMap(({ labels }) => Object.keys(labels)) ?? []),
  ];
}

test("a scrape counts WebSocket connections and messages, those that came and those that were sent", () => {
  const told = (name: string) => scraped.get(name)?.samples.map(({ labels, value }) => [labels.direction, value]);
  expect(told("taskflow_websocket_connections")).toEqual([[undefined, 1]]);
  expect(told("taskflow_websocket_messages_total")).toEqual([
    ["received", 1],
    ["sent", 1],
  ]);
});

test("what is missing is found", () => {
  expect(missing('rate(taskflow_nothing_total{handler="x"}[5m])')).toContain("there is no taskflow_nothing_total");
  expect(missing('taskflow_tasks{state="queued"}')).toContain("taskflow_tasks has no state");
  expect(missing('taskflow_tasks{status="queue"}')).toEqual(['no taskflow_tasks has status="queue"']);
  expect(missing("sum by (handler) (taskflow_tasks)")).toEqual(["nothing in it has handler"]);
  expect(missing('sum by (status) (taskflow_tasks{status="queued",instance="a"})')).toEqual([]);
});

describe("the alert rules", () => {
  test("ask only for what a scrape has", () => {
    expect(rules().flatMap(({ alert, expr }) => missing(expr).map((fault) => `${alert}: ${fault}`))).toEqual([]);
    expect(rules().length).toBeGreaterThan(8);
  });

  test("have each a name of its own, a severity, and a text with labels that the result has", () => {
    expect(new Set(rules().map(({ alert }) => alert)).size).toBe(rules().length);
    for (const { alert, expr, labels, annotations } of rules()) {
      expect(alert).toMatch(/^Taskflow[A-Z]/);
      expect(labels.severity).toMatch(/^(critical|warning)$/);
      expect(Object.keys(annotations).toSorted()).toEqual(["description", "summary"]);
      const named = [
        ...Object.values(annotations)
          .join(" ")
          .matchAll(/\$labels\.(\w+)/g),
      ].map(([, label = ""]) => label);
      expect(labelsOf(expr)).toEqual(expect.arrayContaining(named));
    }
  });
});

describe("the dashboard", () => {
  test("asks only for what a scrape has", () => {
    expect(targets().flatMap(({ title, expr }) => missing(expr).map((fault) => `${title}: ${fault}`))).toEqual([]);
    expect(targets().length).toBeGreaterThan(30);
  });

  test("names series by labels that they have", () => {
    for (const { expr, legendFormat } of targets()) {
      const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
      expect(labelsOf(expr)).toEqual(expect.arrayContaining(named));
    }
  });

  test("lets one choose among labels that there are, and uses no other choice", () => {
    const choices: { name: string; definition?: string }[] = dashboard.templating.list;
    for (const { definition } of choices.filter((choice) => choice.definition !== undefined)) {
      const [, expr = "", label = ""] = /^label_values\((.*), (\w+)\)$/.exec(definition ?? "") ?? [];
      expect(missing(expr)).toEqual([]);
      expect(labelsOf(expr)).toContain(label);
    }
    const used = [...JSON.stringify(dashboard).matchAll(/\$\{?(\w+)/g)].map(([, name = ""]) => name);
    const known = [...choices.map(({ name }) => name), "__rate_interval", "__all"];
    expect(known).toEqual(expect.arrayContaining([...new Set(used)]));
  });

  test("shows every metric of TaskFlow's own but the build's", () => {
    const asked = targets()
      .map(({ expr }) => expr)
      .join(" ");
    const own = [...new Set([...scraped.values()].map(({ name }) => name))].filter((name) =>
      name.startsWith("taskflow_"),
    );
    expect(own.filter((name) => !asked.includes(name))).toEqual([
      "taskflow_tasks_claimed_total",
      "taskflow_build_info",
    ]);
  });

  test("has panels with ids of their own that do not overlap", () => {
    const panels: (Panel & { gridPos: { x: number; y: number; w: number; h: number } })[] = dashboard.panels;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });
});

test("the scrape configuration asks where the metrics are, as the alert rules say, with a key", () => {
  const [job] = scrapeConfig.scrape_configs;
  expect(job).toMatchObject({ job_name: "taskflow", metrics_path: "/metrics", authorization: { type: "Bearer" } });
  expect(scrapeConfig.rule_files).toEqual(["alerts.yml"]);
  expect(rules().find(({ alert }) => alert === "TaskflowDown")?.expr).toContain(`job="${job?.job_name}"`);
});
