import { Type } from "@sinclair/typebox";
import { TaskflowError, validationFailed } from "../../domain/error.ts";
import { eventFor } from "../../domain/event.ts";
import { didYouMean } from "../../domain/suggest.ts";
import type { Task } from "../../domain/task.ts";
import type { Submission } from "../../engine/submit.ts";
import { parseJson } from "../body.ts";
import { renderTask } from "../render.ts";
import { submissionFrom, submissionSchema } from "../submission.ts";
import { checker } from "../validation.ts";

/** What a client puts on a message to know its answer by. */
export type MessageId = string | number;

/** What a client asks for over the WebSocket. */
export type LiveRequest =
  | { readonly type: "subscribe" | "unsubscribe" | "cancel"; readonly taskId: string }
  | { readonly type: "submit"; readonly submission: Submission }
  | { readonly type: "ping" };

export interface Message {
  /** Null when there is none, or none that can be read. */
  readonly id: MessageId | null;
  /** What is asked for, or why it cannot be understood. */
  readonly request: LiveRequest | TaskflowError;
}

/** Reads one message as it came from the socket: text, or a buffer when it was binary. */
export function readMessage(data: string | Buffer, maxBytes: number): Message {
  let id: MessageId | null = null;
  try {
    const fields = readFields(data, maxBytes);
    id = readId(fields);
    return { id, request: readRequest(fields) };
  } catch (error) {
    if (!(error instanceof TaskflowError)) throw error;
    return { id, request: error };
  }
}

/**
 * The `since` of a connection's query, or null when it has none.
 * @throws TaskflowError `validation_failed`
 */
export function readSince(query: unknown): number | null {
  const { since } = checkQuery(query);
  if (since === undefined) return null;
  const seq = /^\d+$/.test(since) ? Number(since) : Number.NaN;
  if (Number.isSafeInteger(seq)) return seq;
  throw validationFailed([{ path: "/since", message: "must be the seq of the last event received" }]);
}

/** An answer on the wire. `fields` is what follows its type and id, such as `,"task_id":"…"`. */
export function answer(type: string, id: MessageId | null, fields = ""): string {
  return `{"type":"${type}"${id === null ? "" : `,"id":${JSON.stringify(id)}`}${fields}}`;
}

export function errorAnswer({ code, message, faults, retryAfter }: TaskflowError, id: MessageId | null): string {
  const errors = faults.length === 0 ? "" : `,"errors":${JSON.stringify(faults)}`;
  const wait = retryAfter === null ? "" : `,"retry_after":${retryAfter}`;
  return answer("error", id, `,"code":"${code}","detail":${JSON.stringify(message)}${errors}${wait}`);
}

/** A task's present state in the form of the event that led to it, marked as what it is. */
export function snapshot(task: Task, at: number, seq: number): string {
  const timestamp = new Date(at).toISOString();
  return answer(
    eventFor(task.status),
    null,
    `,"task":${renderTask(task)},"timestamp":"${timestamp}","seq":${seq},"snapshot":true`,
  );
}

const idSchema = Type.Union([Type.String(), Type.Number()], { description: "a string or a number" });
const envelope = { type: Type.String(), id: Type.Optional(idSchema) };
const closed = { additionalProperties: false };

const checkId = checker(Type.Object({ id: envelope.id }));
const checkBare = checker(Type.Object(envelope, closed));
const checkTaskId = checker(Type.Object({ ...envelope, task_id: Type.String() }, closed));
const checkSubmission = checker(Type.Object({ ...envelope, ...submissionSchema.properties }, closed));
const checkQuery = checker(Type.Object({ since: Type.Optional(Type.String()) }, closed));

type Fields = Readonly<Record<string, unknown>>;

const readers = {
  subscribe: (fields) => ({ type: "subscribe", taskId: checkTaskId(fields).task_id }),
  unsubscribe: (fields) => ({ type: "unsubscribe", taskId: checkTaskId(fields).task_id }),
  submit: (fields) => ({ type: "submit", submission: submissionFrom(checkSubmission(fields)) }),
  cancel: (fields) => ({ type: "cancel", taskId: checkTaskId(fields).task_id }),
  ping(fields) {
    checkBare(fields);
    return { type: "ping" };
  },
} as const satisfies Record<LiveRequest["type"], (fields: Fields) => LiveRequest>;

function readFields(data: string | Buffer, maxBytes: number): Fields {
  if (typeof data !== "string") {
    throw new TaskflowError("unsupported_media_type", "Messages are JSON in text frames; this one was binary.");
  }
  if (Buffer.byteLength(data) > maxBytes) {
    throw new TaskflowError("body_too_large", `The message is larger than the limit of ${maxBytes} bytes.`);
  }
  const value = parseJson(data, "The message");
  if (isFields(value)) return value;
  throw validationFailed([{ path: "", message: "a message is a JSON object with a type" }]);
}

function readId(fields: Fields): MessageId | null {
  return checkId({ id: fields.id }).id ?? null;
}

function readRequest(fields: Fields): LiveRequest {
  const { type } = fields;
  if (isKnown(type)) return readers[type](fields);
  throw validationFailed([{ path: "/type", message: unknownType(type) }]);
}

function unknownType(type: unknown): string {
  const known = Object.keys(readers);
  const list = `Known: ${known.join(", ")}.`;
  if (type === undefined) return `'type' is required. ${list}`;
  if (typeof type !== "string") return `must be a string. ${list}`;
  return `unknown '${type.slice(0, 100)}'.${didYouMean(type, known)} ${list}`;
}

function isKnown(type: unknown): type is LiveRequest["type"] {
  return typeof type === "string" && Object.hasOwn(readers, type);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
