import type { WireTask } from "../support/client.ts";

/** What a client asked for and was promised. */
export interface Promised {
  readonly taskId: string;
  readonly n: number;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  /** Whether someone was told that it is, or is being, cancelled. */
  isCancelled: boolean;
}

/** Clients that submit, cancel and retry as long as the server is there, and remember each of its answers. */
export interface Clients {
  readonly promised: ReadonlyMap<string, Promised>;
  /** Answers that no server may give. */
  readonly faults: readonly string[];
  /** Sets them on a server; resolves when it is gone. */
  pester(url: string): Promise<void>;
}

const clientsAtOnce = 4;

/** @param file where the handlers note their starts. */
export function createClients(file: string): Clients {
  const promised = new Map<string, Promised>();
  const ids: string[] = [];
  const faults: string[] = [];
  let sent = 0;

  function remember({ task_id, run_at, kwargs, status }: WireTask, askedAt: number, delay: number): void {
    if (promised.has(task_id)) faults.push(`${task_id}: given to two tasks`);
    if (status !== "queued" && status !== "pending") faults.push(`${task_id}: accepted as ${status}`);
    const notBefore = Date.parse(run_at);
    if (notBefore < askedAt + delay * 1_000) faults.push(`${task_id}: due at ${run_at}, before its delay is over`);
    promised.set(task_id, { taskId: task_id, n: Number(kwargs.n), notBefore, isCancelled: false });
    ids.push(task_id);
  }

  function submission() {
    const delay = chance(0.3) ? Math.random() * 0.6 : 0;
    const failures = chance(0.2) ? whole(3) : 0;
    const seconds = chance(0.05) ? Math.random() * 0.1 : 0;
    const timeout = chance(0.1) ? 0.05 : 10;
    const kwargs = { file, n: sent++, seconds, failures };
    return { func_name: "journal", kwargs, delay, max_retries: whole(3), priority: whole(4), timeout };
  }

  async function submitOne(url: string): Promise<void> {
    const body = submission();
    const askedAt = Date.now();
    const response = await post(`${url}/api/v1/tasks`, body);
    if (response.status !== 201) return refused("a submission", response);
    remember(await response.json(), askedAt, body.delay);
  }

  async function submitBatch(url: string): Promise<void> {
    const tasks = Array.from({ length: 1 + whole(8) }, submission);
    const askedAt = Date.now();
    const response = await post(`${url}/api/v1/tasks/batch`, { tasks });
    if (response.status !== 201) return refused("a batch", response);
    const answer: { tasks: WireTask[] } = await response.json();
    if (answer.tasks.length !== tasks.length) faults.push(`${answer.tasks.length} of a batch of ${tasks.length}`);
    for (const [index, task] of answer.tasks.entries()) remember(task, askedAt, tasks[index]?.delay ?? 0);
  }

  async function cancelOne(url: string): Promise<void> {
    const task = promised.get(ids[whole(ids.length)] ?? "");
    if (task === undefined) return;
    const response = await post(`${url}/api/v1/tasks/${task.taskId}/cancel`);
    if (response.status === 200 || response.status === 202) task.isCancelled = true;
    else if (response.status !== 409) await refused("a cancel", response);
  }

  async function retryOne(url: string): Promise<void> {
    const taskId = ids[whole(ids.length)];
    if (taskId === undefined) return;
    const askedAt = Date.now();
    const response = await post(`${url}/api/v1/tasks/${taskId}/retry`);
    if (response.status === 201) remember(await response.json(), askedAt, 0);
    else if (response.status !== 409) await refused("a retry", response);
  }

  async function refused(what: string, response: Response): Promise<void> {
    faults.push(`${what} got ${response.status}: ${await response.text()}`);
  }

  async function pesterAlone(url: string): Promise<void> {
    for (;;) {
      const dice = Math.random();
      const act = dice < 0.6 ? submitOne : dice < 0.75 ? submitBatch : dice < 0.95 ? cancelOne : retryOne;
      try {
        await act(url);
        // A queue that only grows would show less: what runs, waits and retries has to meet the kill as well.
        await Bun.sleep(Math.random() * 20);
      } catch {
        // The kill came between two answers: what was not answered may be there or not.
        return;
      }
    }
  }

  return {
    promised,
    faults,
    async pester(url) {
      await Promise.all(Array.from({ length: clientsAtOnce }, () => pesterAlone(url)));
    },
  };
}

function post(url: string, body?: unknown): Promise<Response> {
  if (body === undefined) return fetch(url, { method: "POST" });
  return fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

function chance(share: number): boolean {
  return Math.random() < share;
}

/** From 0 to below `limit`. */
function whole(limit: number): number {
  return Math.floor(Math.random() * limit);
}
