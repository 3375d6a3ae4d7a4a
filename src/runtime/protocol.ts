import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { logLevels } from "../domain/task.ts";
import type { AbortReason, AttemptRequest } from "../engine/runner.ts";
import { maxErrorBytes, maxLineBytes, maxProgressMessage, maxResultBytes, maxStackBytes } from "./worker-limits.ts";

/** A handler as a child is told to load it. */
export interface HandlerFile {
  readonly name: string;
  /** Relative to the tasks folder. */
  readonly file: string;
  /** The copy of the tasks folder that it is loaded from. */
  readonly tree: number;
}

/** One attempt to run. `id` names it on this channel, and rises. */
export interface RunRequest extends Omit<AttemptRequest, "lease" | "isQuick"> {
  readonly id: number;
  /** Whether it waits in its cell: the worker begins it only if it can take it from there. */
  readonly isOffered: boolean;
}

/** What the server sends to a child: plain JSON, one object a message. */
export type ParentMessage =
  /**
   * Imports the files in their order; a `loaded` follows for each, then `ready`. Later it runs so many attempts at once.
   * `cells` is the path of the cells of those that wait, if there are such.
   */
  | {
      readonly type: "load";
      readonly handlers: readonly HandlerFile[];
      readonly concurrency: number;
      readonly cells: string | null;
    }
  /** Runs attempts in their order, as soon as those before leave room. */
  | { readonly type: "run"; readonly runs: readonly RunRequest[] }
  | { readonly type: "abort"; readonly id: number; readonly reason: AbortReason }
  /** Asks for a `pong`: whether the event loop still turns. */
  | { readonly type: "ping"; readonly id: number };

const text = (maxLength: number) => Type.String({ maxLength });
const textOrNull = (maxLength: number) => Type.Union([text(maxLength), Type.Null()]);
const id = Type.Integer({ minimum: 0 });
const ids = Type.Array(id);
const place = Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]);

const reportSchema = Type.Union([
  /** `definition` is what the file exports, as plain JSON and without its code. */
  Type.Object({ status: Type.Literal("ready"), definition: Type.Record(Type.String(), Type.Unknown()) }),
  Type.Object({
    status: Type.Literal("load_error"),
    error: Type.Object({ message: text(maxErrorBytes), file: text(4096), line: place, column: place }),
  }),
]);

const endSchema = Type.Union([
  /** `result` is JSON text, or null for none. */
  Type.Object({ kind: Type.Literal("completed"), result: textOrNull(maxResultBytes) }),
  Type.Object({
    kind: Type.Literal("failed"),
    errorKind: Type.Union([
      Type.Literal("handler"),
      Type.Literal("permanent"),
      Type.Literal("invalid_result"),
      Type.Literal("load_error"),
      Type.Literal("crashed"),
    ]),
    error: text(maxErrorBytes),
    stack: textOrNull(maxStackBytes),
    retryAfterMs: Type.Optional(Type.Number({ minimum: 0 })),
  }),
]);

const lineSchema = Type.Object({
  level: Type.Union(logLevels.map((level) => Type.Literal(level))),
  message: text(maxLineBytes),
});

const childMessageSchema = Type.Union([
  /** `ms` is what the handler took. Sent before the next attempt begins. */
  Type.Object({ type: Type.Literal("ended"), id, ms: Type.Number({ minimum: 0 }), outcome: endSchema }),
  Type.Object({ type: Type.Literal("log"), id, lines: Type.Array(lineSchema) }),
  Type.Object({
    type: Type.Literal("progress"),
    id,
    fraction: Type.Number({ minimum: 0, maximum: 1 }),
    message: textOrNull(maxProgressMessage),
  }),
  Type.Object({ type: Type.Literal("pong"), id }),
  /** An error that no code caught. `remedy` is what becomes of the worker, `suspects` are whose it may be. */
  Type.Object({
    type: Type.Literal("uncaught"),
    error: text(maxErrorBytes),
    stack: textOrNull(maxStackBytes),
    remedy: Type.Union([Type.Literal("none"), Type.Literal("retire"), Type.Literal("kill")]),
    suspects: ids,
  }),
  /** The last word of a process that exits in an orderly way: the attempts that may have made it. */
  Type.Object({ type: Type.Literal("exiting"), suspects: ids }),
  /** The file at `index` of the load was imported, or could not be. */
  Type.Object({ type: Type.Literal("loaded"), index: id, report: reportSchema }),
  Type.Object({ type: Type.Literal("ready") }),
]);

export type ChildMessage = Static<typeof childMessageSchema>;
export type ChildMessageOf<T extends ChildMessage["type"]> = Extract<ChildMessage, { type: T }>;
export type LoadReport = Static<typeof reportSchema>;
export type EndReport = Static<typeof endSchema>;
export type LineReport = Static<typeof lineSchema>;

const validChildMessage = TypeCompiler.Compile(childMessageSchema);

/** Whether a child may say this. Handler code shares its process, so nothing it sends is taken on trust. */
export function isChildMessage(message: unknown): message is ChildMessage {
  return validChildMessage.Check(message);
}
