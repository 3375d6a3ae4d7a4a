import type { Static, TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { PermanentError } from "taskflow";

const requestTimeoutMs = 10_000;

/**
 * Asks the server that runs this handler, by its public API, and checks the answer against `shape`.
 * @param path with its query, such as `/api/v1/metrics`.
 * @throws PermanentError when the server's address is not known or it wants another key.
 */
export async function askServer<Shape extends TSchema>(
  path: string,
  shape: Shape,
  signal: AbortSignal,
): Promise<Static<Shape>> {
  const { TASKFLOW_URL: base, TASKFLOW_API_KEY: key } = process.env;
  if (!base) throw new PermanentError("TASKFLOW_URL is not set: the server's own address is not known");
  const response = await fetch(new URL(path, base), {
    signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
    headers: key ? { authorization: `Bearer ${key}` } : {},
    proxy: false,
    redirect: "error",
  });
  if (response.status === 401 || response.status === 403) {
    const remedy = "set TASKFLOW_API_KEY to a key that may read, and name it in TASKFLOW_HANDLER_ENV";
    throw new PermanentError(`The server answered ${response.status} to ${path}: ${remedy}`);
  }
  const answer: unknown = await response.json();
  if (!Value.Check(shape, answer))
    throw new Error(`The server answered ${response.status} to ${path}: ${gist(answer)}`);
  return answer;
}

function gist(answer: unknown): string {
  return JSON.stringify(answer).slice(0, 300);
}
