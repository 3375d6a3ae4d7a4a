import { type Shared, share } from "./state.ts";

/** The server refused, or did not answer (`status` 0). The message is for the person at the screen. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly faults: readonly Fault[];

  constructor(message: string, status: number, faults: readonly Fault[] = []) {
    super(message);
    this.status = status;
    this.faults = faults;
  }
}

export interface Fault {
  /** A JSON pointer into what was sent. */
  readonly path: string;
  readonly message: string;
}

/** What the page may do. */
export interface Access {
  /** `asked`: the server wants a key. `refused`: it does not know the one that was sent. */
  readonly key: "fine" | "asked" | "refused";
  readonly mayWrite: boolean;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** The path of the next page. */
  readonly next: string | null;
}

export const access: Shared<Access> = share<Access>({ key: "fine", mayWrite: true });

/** Shown on whatever a key that only reads cannot do. */
export const readOnlyReason = "The key in use may only read";

/** The documentation's pages read it from there, too. */
const keyName = "taskflow.key";

/** The key that requests carry, or null. */
export function currentKey(): string | null {
  return sessionStorage.getItem(keyName) ?? localStorage.getItem(keyName);
}

/** Uses `key` from now on: in this tab, or in this browser until it is forgotten. Resolves with why it does not do, or null. */
export async function takeKey(key: string, keep: "in this tab" | "in this browser"): Promise<ApiError | null> {
  forgetKey();
  (keep === "in this tab" ? sessionStorage : localStorage).setItem(keyName, key);
  return checkAccess();
}

export function forgetKey(): void {
  sessionStorage.removeItem(keyName);
  localStorage.removeItem(keyName);
}

/** The link that the server prints at its start carries the key: it is taken up, and leaves the address. */
export function takeKeyFromAddress(): void {
  const key = /^#key=(.+)$/.exec(location.hash)?.[1];
  if (key === undefined) return;
  sessionStorage.setItem(keyName, decodeURIComponent(key));
  history.replaceState(null, "", location.pathname + location.search);
}

/** Finds out what the key allows. Resolves with why that is not known, or null. */
export async function checkAccess(): Promise<ApiError | null> {
  try {
    const { may_write: mayWrite } = await call<{ may_write: boolean }>("GET", "/api/v1/access");
    access.set({ key: "fine", mayWrite });
    return null;
  } catch (error) {
    // That a key is wanted has been noted by then; whoever asks for data next says what else is wrong.
    if (!(error instanceof ApiError)) throw error;
    return error;
  }
}

/**
 * What the server answers.
 * @throws ApiError
 */
export async function call<Answer>(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: unknown) {
  return read<Answer>(await send(method, path, body));
}

/**
 * A page of a list.
 * @throws ApiError
 */
export async function callForPage<Item>(path: string): Promise<Page<Item>> {
  const response = await send("GET", path);
  const items = await read<readonly Item[]>(response);
  const url = /<([^>]+)>; rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
  const next = url === undefined ? null : new URL(url, location.href);
  return { items, next: next === null ? null : next.pathname + next.search };
}

/** What is cut off on its way is no answer. */
async function read<Answer>(response: Response): Promise<Answer> {
  try {
    const answer: Answer = await response.json();
    return answer;
  } catch (error) {
    throw new ApiError(`The answer broke off (${error instanceof Error ? error.message : error}).`, 0);
  }
}

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const key = currentKey();
  const response = await fetch(path, {
    method,
    headers: {
      accept: "application/json",
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw new ApiError(`The server does not answer (${error instanceof Error ? error.message : error}).`, 0);
  });
  if (response.ok) return response;
  if (response.status === 401) access.set({ ...access.value, key: key === null ? "asked" : "refused" });
  throw await refusalOf(response);
}

async function refusalOf(response: Response): Promise<ApiError> {
  try {
    const problem: { detail?: string; errors?: readonly Fault[] } = await response.json();
    return new ApiError(problem.detail ?? response.statusText, response.status, problem.errors);
  } catch {
    return new ApiError(`The server answered ${response.status} ${response.statusText}.`, response.status);
  }
}
