import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import type { Engine } from "../engine/engine.ts";
import { answer, errors } from "./detail.ts";
import { noQuery } from "./validation.ts";

/** A variable of the environment as it is in effect, fit for everyone who may read. */
export interface ShownSetting {
  readonly name: string;
  readonly value: string | number | readonly string[] | null;
  readonly default: string;
  readonly description: string;
}

export interface AboutOptions {
  readonly version: string;
  readonly configuration: readonly ShownSetting[];
}

/** `/api/v1/system`: what runs here, since when, and how it is configured. */
export function about(engine: Engine, { version, configuration }: AboutOptions) {
  const startedAt = new Date().toISOString();
  return new Elysia({ normalize: false }).get(
    "/api/v1/system",
    async () => {
      const { store } = await engine.measures();
      const { status, reason } = engine.health();
      return {
        versions: { taskflow: version, bun: Bun.version, store: store.product },
        started_at: startedAt,
        uptime: Math.round(process.uptime() * 1_000) / 1_000,
        health: { status, reason },
        store: {
          database_bytes: store.databaseBytes,
          wal_bytes: store.walBytes,
          writes: store.writes,
          failed_commits: store.failedCommits,
          oldest_waiting_since: store.oldestQueuedAt === null ? null : new Date(store.oldestQueuedAt).toISOString(),
        },
        configuration,
      };
    },
    { query: noQuery, detail },
  );
}

const count = (description: string) => Type.Integer({ minimum: 0, description });
const text = Type.String();

/** What runs here, on the wire. */
export const aboutSchema = Type.Object({
  versions: Type.Object({ taskflow: text, bun: text, store: text }),
  started_at: Type.String({ format: "date-time" }),
  uptime: Type.Number({ description: "Seconds" }),
  health: Type.Object({ status: text, reason: Type.Union([text, Type.Null()]) }),
  store: Type.Object({
    database_bytes: count("Size of the database"),
    wal_bytes: count("Size of its write-ahead log"),
    writes: count("Writes since the start; those of one turn share a transaction"),
    failed_commits: count("Transactions since the start that were undone"),
    oldest_waiting_since: Type.Union([Type.String({ format: "date-time" }), Type.Null()], {
      description: "When the task that waits longest for a worker was due; null when none waits",
    }),
  }),
  configuration: Type.Array(
    Type.Object({
      name: text,
      value: Type.Union([text, Type.Number(), Type.Array(text), Type.Null()], {
        description: "In effect; null where nothing is set",
      }),
      default: Type.String({ description: "As one would write it" }),
      description: text,
    }),
  ),
});

const detail = {
  tags: ["System"],
  operationId: "getSystem",
  summary: "What runs here, since when, and how it is configured",
  description: "Of keys it tells the name and scope, of the database and the tasks folder no more than their name.",
  responses: {
    200: answer("As of now", aboutSchema, {
      versions: { taskflow: "1.0.0", bun: "1.4.5", store: "SQLite 3.54.1" },
      started_at: "2026-01-31T09:00:00.000Z",
      uptime: 3600.5,
      health: { status: "healthy", reason: null },
      store: {
        ...{ database_bytes: 1_048_576, wal_bytes: 65_536, writes: 1_200, failed_commits: 0 },
        oldest_waiting_since: null,
      },
      configuration: [{ name: "TASKFLOW_NUM_WORKERS", value: 4, default: "4", description: "Worker processes" }],
    }),
    ...errors(422),
  },
};
