import { defineTask, PermanentError, RetryAfter, t } from "taskflow";
import { publicFetch } from "./_public-fetch.ts";

const requestTimeoutMs = 30_000;
/** The body becomes the task's result and is stored with it. */
const maxBodyBytes = 512 * 1024;
const maxRetryAfterSeconds = 86_400;

export default defineTask({
  description: "GET a URL and keep what it answers; JSON is parsed",
  input: t.Object({
    url: t.String({ description: "An http or https URL on a public address", format: "uri", maxLength: 2048 }),
  }),
  timeout: 60,
  async run({ url }, ctx) {
    const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(requestTimeoutMs)]);
    try {
      return await get(url, signal);
    } catch (error) {
      ctx.signal.throwIfAborted();
      if (error instanceof PermanentError || error instanceof RetryAfter) throw error;
      throw new Error(`${url}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  },
});

async function get(address: string, signal: AbortSignal) {
  const privateAddresses = process.env.FETCH_ALLOW_PRIVATE === "1" ? "allowed" : "refused";
  const { url, response } = await publicFetch(address, { signal, privateAddresses });
  if (!response.ok) {
    await response.body?.cancel();
    throw failure(url, response);
  }
  const contentType = response.headers.get("content-type");
  const body = bodyOf(await readAtMost(maxBodyBytes, response), contentType);
  return { url: url.href, status: response.status, content_type: contentType, body };
}

/** Whether another attempt can help: later, when the server says so, and not at all when the request is at fault. */
function failure(url: URL, { status, headers }: Response): Error {
  const message = `${url} answered ${status}`;
  const waitSeconds = status === 429 || status === 503 ? retryAfterSeconds(headers.get("retry-after")) : null;
  if (waitSeconds !== null) return new RetryAfter(waitSeconds, `${message}, retry in ${waitSeconds}s`);
  const mayPass = status >= 500 || status === 408 || status === 425 || status === 429;
  return mayPass ? new Error(message) : new PermanentError(message);
}

/** `Retry-After` is a number of seconds or a date. */
function retryAfterSeconds(value: string | null): number | null {
  if (value === null) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - Date.now()) / 1000);
  if (Number.isNaN(seconds)) return null;
  return Math.min(Math.max(seconds, 0), maxRetryAfterSeconds);
}

/** Reads as it comes and hangs up at the limit, whatever length was announced, and after decompression. */
async function readAtMost(limit: number, response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > limit) throw new PermanentError(`The answer is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function bodyOf(bytes: Uint8Array, contentType: string | null): unknown {
  if (bytes.length === 0) return null;
  const text = textOf(bytes, contentType);
  return /^application\/([^;]+\+)?json\b/i.test(contentType ?? "") ? JSON.parse(text) : text;
}

function textOf(bytes: Uint8Array, contentType: string | null): string {
  const charset = /;\s*charset="?([\w-]+)/i.exec(contentType ?? "")?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch (error) {
    throw new PermanentError(`The answer (${contentType ?? "of no type"}) is not ${charset} text`, { cause: error });
  }
}
