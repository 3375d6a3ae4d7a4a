import { TaskflowError, validationFailed } from "../domain/error.ts";

/** Bytes a request's body may have. */
export const maxBodyBytes = 1024 * 1024;

/** Levels of arrays and objects it may have: far beyond use, far below what recursion survives. */
const deepest = 200;

/**
 * The JSON that a request carries.
 * @throws TaskflowError `unsupported_media_type`, `body_too_large` or `invalid_json`
 */
export async function readJson(request: Request): Promise<unknown> {
  requireJson(request.headers.get("content-type"));
  return parseJson(await readText(request));
}

/**
 * `text` as JSON that later recursion survives.
 * @param what names it in errors.
 * @throws TaskflowError `invalid_json`, or `validation_failed` when it is nested too deep
 */
export function parseJson(text: string, what = "The body"): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidJson(text, what, error);
  }
  // Each level takes two brackets, so that short texts need no look.
  if (text.length > 2 * deepest && !isShallow(value, deepest)) {
    throw validationFailed([{ path: "", message: `is nested deeper than ${deepest} levels` }]);
  }
  if (maybeLossy.test(text)) refuseLossyNumbers(text);
  return value;
}

/** For values that come out of JSON.parse. A batch holds thousands of them, so that nothing is made for any. */
function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!isShallow(item, levels - 1)) return false;
    return true;
  }
  for (const name in value) if (!isShallow(Reflect.get(value, name), levels - 1)) return false;
  return true;
}

/** What no text without it can hold: an integer beyond 2^53, or a number beyond the largest there is. */
const maybeLossy = /\d{16}|e\+?\d{3}/i;

/** A number that JSON.parse changes would not be kept as it was sent. Digits after the point may be rounded, as ever. */
function refuseLossyNumbers(text: string): void {
  // The third argument is newer than its type.
  JSON.parse(text, (_key: string, value: unknown, ...[context]: readonly unknown[]) => {
    if (typeof value !== "number") return value;
    const source = sourceOf(context);
    const isRounded = /^-?\d+$/.test(source) && !Number.isSafeInteger(value) && BigInt(source) !== BigInt(value);
    if (Number.isFinite(value) && !isRounded) return value;
    const message = `the number ${source.slice(0, 40)} cannot be kept as it is: send it as a string`;
    throw validationFailed([{ path: "", message }]);
  });
}

function sourceOf(context: unknown): string {
  return typeof context === "object" && context !== null && "source" in context ? String(context.source) : "";
}

function requireJson(contentType: string | null): void {
  const [type = ""] = (contentType ?? "").split(";");
  if (/^application\/([\w.-]+\+)?json$/i.test(type.trim())) return;
  const given = contentType === null ? "none" : `'${contentType.slice(0, 100)}'`;
  throw new TaskflowError("unsupported_media_type", `The Content-Type must be application/json, not ${given}.`);
}

async function readText(request: Request): Promise<string> {
  const length = request.headers.get("content-length");
  if (Number(length) > maxBodyBytes) throw tooLarge();
  try {
    // Not `request.text()`, which would put other characters in the place of what is no UTF-8.
    return length === null ? await readBounded(request.body) : strictDecoder().decode(await request.arrayBuffer());
  } catch (error) {
    throw error instanceof TaskflowError ? error : unreadable(error);
  }
}

function strictDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { fatal: true });
}

/** The client's doing, not a defect: its bytes are no text, or it went away. */
function unreadable(error: unknown): TaskflowError {
  const isEncoding = error instanceof Error && "code" in error && error.code === "ERR_ENCODING_INVALID_ENCODED_DATA";
  const message = isEncoding ? "The body is not UTF-8." : "The body ended before it was complete.";
  return new TaskflowError("invalid_json", message, { cause: error });
}

/** A chunked body says nothing of its length beforehand. */
async function readBounded(body: ReadableStream<Uint8Array> | null): Promise<string> {
  if (body === null) return "";
  const decoder = strictDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBodyBytes) throw tooLarge();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function tooLarge(): TaskflowError {
  return new TaskflowError("body_too_large", `The body is larger than the limit of ${maxBodyBytes} bytes.`);
}

function invalidJson(text: string, what: string, error: unknown): TaskflowError {
  if (text.trim() === "") return new TaskflowError("invalid_json", `${what} is empty: send a JSON object.`);
  const reason = error instanceof Error ? error.message : String(error);
  return new TaskflowError("invalid_json", `${what} is not readable JSON: ${reason}.`, { cause: error });
}
