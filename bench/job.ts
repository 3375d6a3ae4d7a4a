import { type Static, Type } from "@sinclair/typebox";

/** What the load generator is asked to do, and what it answers: the messages between it and the benchmark. */
const loadJob = Type.Object({
  kind: Type.Literal("load"),
  url: Type.String(),
  path: Type.String(),
  /** POSTed in turn, each to be answered by 201; without any it is a GET, to be answered by 200. */
  bodies: Type.Array(Type.String()),
  connections: Type.Integer({ minimum: 1 }),
  until: Type.Union([
    Type.Object({ ms: Type.Number({ minimum: 0 }) }),
    Type.Object({ requests: Type.Integer({ minimum: 0 }) }),
  ]),
});

const latencyJob = Type.Object({
  kind: Type.Literal("latency"),
  url: Type.String(),
  body: Type.String(),
  samples: Type.Integer({ minimum: 1 }),
  /** What ends the wait: the task's `task_completed` on a WebSocket, or the reply to the POST. */
  until: Type.Union([Type.Literal("completed"), Type.Literal("answered")]),
  idleMs: Type.Object({ min: Type.Number({ minimum: 0 }), max: Type.Number({ minimum: 0 }) }),
});

const insertJob = Type.Object({
  kind: Type.Literal("insert"),
  /** A database that is not there yet. */
  file: Type.String(),
  /** Rows in one transaction. */
  rows: Type.Integer({ minimum: 1 }),
  ms: Type.Number({ minimum: 0 }),
});

const loadResult = Type.Object({ answered: Type.Integer(), elapsedMs: Type.Number() });

export const jobSchema = Type.Union([loadJob, latencyJob, insertJob]);

export const answerSchema = Type.Union([
  Type.Object({ kind: Type.Literal("load"), result: loadResult, cpuMs: Type.Number() }),
  /** Milliseconds, one number a sample. */
  Type.Object({ kind: Type.Literal("latency"), result: Type.Array(Type.Number()) }),
  Type.Object({ kind: Type.Literal("insert"), rowsPerSecond: Type.Number() }),
  Type.Object({ kind: Type.Literal("failed"), message: Type.String() }),
]);

export type LoadJob = Static<typeof loadJob>;
export type LoadResult = Static<typeof loadResult>;
export type LatencyJob = Static<typeof latencyJob>;
export type InsertJob = Static<typeof insertJob>;
export type Answer = Static<typeof answerSchema>;
