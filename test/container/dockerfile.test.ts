import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { validate } from "dockerfile-utils";
import packageJson from "../../package.json" with { type: "json" };
import { readConfig } from "../../src/config.ts";

const root = resolve(import.meta.dir, "../..");
const read = (name: string) => Bun.file(join(root, name)).text();
const dockerfile = await read("Dockerfile");
const compose = Bun.YAML.parse(await read("compose.yaml")) as {
  services: {
    taskflow: {
      environment: Record<string, string>;
      healthcheck: { test: string[] };
      stop_grace_period: string;
      mem_limit: string;
    };
  };
};

describe("the Dockerfile", () => {
  test("passes the linter, which finds what is wrong", () => {
    expect(validate(dockerfile)).toEqual([]);
    expect(validate(dockerfile.replace("EXPOSE 8000", "EXPOSE http"))).toHaveLength(1);
    expect(validate(dockerfile.replace("--interval=30s", "--interval=soon"))).toHaveLength(1);
  });

  test("says the version that package.json says, and the Bun that CI runs", async () => {
    expect(/image\.version="([^"]+)"/.exec(dockerfile)?.[1]).toBe(packageJson.version);
    const ofCi = /^bun_version=(\S+)$/m.exec(await read(".ci/run"))?.[1];
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    expect(bases).toEqual([`oven/bun:${ofCi}-slim`, `oven/bun:${ofCi}-slim`]);
  });

  test("copies only what is there and what .dockerignore lets through", async () => {
    const copies = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)];
    const paths = copies.flatMap(([, given = ""]) => given.split(" "));
    expect(paths).toContain("bun.lock");
    const allowed = [...(await read(".dockerignore")).matchAll(/^!(.+)$/gm)].map(([, path = ""]) => path);
    expect(allowed.toSorted()).toEqual([...new Set(paths.map((path) => path.replace(/\/.*/, "")))].toSorted());
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("sets what the server knows", () => {
    const set = [...dockerfile.matchAll(/(TASKFLOW_\w+)=(\S+)/g)].map(([, name = "", value = ""]) => [name, value]);
    expect(readConfig(Object.fromEntries(set))).toMatchObject({
      host: "0.0.0.0",
      database: { path: "/data/taskflow.db" },
    });
  });
});

describe("compose.yaml", () => {
  const { environment, healthcheck, stop_grace_period, mem_limit } = compose.services.taskflow;
  const config = readConfig({ ...environment, TASKFLOW_API_KEYS: "" });

  test("checks the health as the image does", () => {
    const declared = /^HEALTHCHECK .*CMD (\[.+\])$/m.exec(dockerfile)?.[1] ?? "";
    expect(healthcheck.test).toEqual(["CMD", ...JSON.parse(declared)]);
  });

  test("gives a stop more time than the attempts get", () => {
    expect(Number.parseInt(stop_grace_period, 10)).toBeGreaterThan(config.shutdownGraceMs / 1_000 + 5);
  });

  test("has room for the server and for all that its workers may take", () => {
    expect(mem_limit).toBe("1g");
    expect(1_024 - config.numWorkers * config.workerMemoryMb).toBeGreaterThanOrEqual(200);
  });
});
