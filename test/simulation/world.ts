import type { Database } from "bun:sqlite";
import { type ErrorCode, isStoreUnavailable, TaskflowError } from "../../src/domain/error.ts";
import type { Backoff } from "../../src/domain/retry.ts";
import type { Task } from "../../src/domain/task.ts";
import type { AttemptRequest } from "../../src/engine/runner.ts";
import { connect } from "../../src/storage/connection.ts";
import { migrate } from "../../src/storage/migrations.ts";
import { FakeClock } from "../support/clock.ts";
import { FakeCatalog } from "../support/engine.ts";
import type { Fate } from "../support/faulty-store.ts";
import { faultsIn } from "../support/invariants.ts";
import { type Audit, audit, setUpAudit } from "./audit.ts";
import { createLife, type Life, retentionMs } from "./life.ts";
import { attemptKey, Model } from "./model.ts";
import type { FaultKind, Story } from "./steps.ts";

const reads: ReadonlySet<PropertyKey> = new Set([
  "find",
  "list",
  "attempts",
  "logs",
  "counts",
  "nextDue",
  "close",
  "duePeriodic",
  "nextFiring",
]);
const refusals: ReadonlySet<string> = new Set([
  "store_unavailable",
  "queue_full",
  "task_final",
  "task_not_retryable",
  "unknown_task",
  "handler_load_error",
  "unknown_handler",
] satisfies ErrorCode[]);

const simulatedBackoff: Backoff = { baseMs: 300, capMs: 2_000, jitter: 0.1 };

/** A server, its clients, its disk and its clock. The server dies and comes back; the rest stays. */
export class World {
  readonly clock = new FakeClock();
  readonly model = new Model();
  readonly catalog = new FakeCatalog();
  readonly db: Database;
  readonly audit: Audit;
  life: Life | null = null;
  /** Writes to the store that were asked for. */
  writes = 0;
  /** The final events that were told, by task, over all lives. */
  readonly toldEnds = new Map<string, number>();
  #fault: { readonly kind: FaultKind; readonly from: number; readonly until: number } | null = null;
  #isStopping = false;
  #ids = 0;
  readonly #open = new Set<symbol>();
  readonly #random: () => number;
  readonly #onAbort: Story["onAbort"];
  readonly #depth: number;

  constructor({ seed, onAbort, depth = 0 }: Pick<Story, "seed" | "onAbort" | "depth">) {
    this.#depth = depth;
    this.catalog.define("plain", { backoff: simulatedBackoff });
    this.#random = numbersFrom(seed);
    this.#onAbort = onAbort;
    this.db = emptyDatabase();
    this.audit = audit(this.db, retentionMs);
    this.setHandler("ready");
  }

  setHandler(state: "ready" | "broken" | "gone"): void {
    if (state === "ready") this.catalog.define("echo", { backoff: simulatedBackoff });
    else if (state === "broken") this.catalog.break("echo", "no");
    else this.catalog.remove("echo");
  }

  /** From the nth write on so many fail. */
  fail(kind: FaultKind, from: number, writes: number): void {
    this.#fault = { kind, from, until: from + writes };
  }

  heal(): void {
    this.#fault = null;
  }

  /** Starts a server if none runs; that may fail, as a store that refuses makes it. */
  async live(): Promise<void> {
    if (this.life !== null) return;
    for (const { id, attempt } of this.#running()) this.model.interruptible.add(attemptKey(id, attempt));
    this.#isStopping = false;
    const life = createLife({
      db: this.db,
      clock: this.clock,
      catalog: this.catalog,
      random: this.#random,
      newId: () => `t${++this.#ids}`,
      onAbort: this.#onAbort,
      fate: (verb) => this.#fateOf(verb),
      onWrite: () => this.look(),
      onBegin: (request) => this.#attemptBegins(request),
      depth: this.#depth,
    });
    life.engine.events.listen(({ task, type }) => {
      if (task.completedAt === null || type === "task_log" || type === "task_progress") return;
      this.toldEnds.set(task.id, (this.toldEnds.get(task.id) ?? 0) + 1);
    });
    this.life = life;
    const started = life.engine.start().then(
      () => true,
      (error: unknown) => {
        if (!isStoreUnavailable(error)) throw error;
        return false;
      },
    );
    await this.clock.settle();
    if (!(await started)) this.crash();
  }

  /** The server is gone, in the middle of whatever it does. */
  crash(): void {
    this.life?.end();
    this.life = null;
    this.#open.clear();
  }

  /** The server is told to stop, and does. */
  async stop(): Promise<void> {
    const { life } = this;
    if (life === null) return;
    this.#isStopping = true;
    for (const { request } of life.runner.running) this.mayRunAgain(request);
    let stopped = false;
    void life.engine.stop().then(() => {
      stopped = true;
    });
    for (let seconds = 0; !stopped && seconds < 20; seconds++) await this.clock.advance(1_000);
    this.model.check(stopped, "the server does not stop");
    this.crash();
  }

  /** Asks the server for something; takes what it answers unless it is gone by then. */
  ask<Answer>(call: (life: Life) => Promise<Answer>, take: (answer: Answer) => void): void {
    if (this.life === null) return;
    const question = Symbol("asked");
    this.#open.add(question);
    call(this.life).then(
      (answer) => {
        this.#open.delete(question);
        take(answer);
      },
      (error: unknown) => {
        this.#open.delete(question);
        const code = error instanceof TaskflowError ? error.code : String(error);
        this.model.check(refusals.has(code), `refused by ${code}`);
      },
    );
  }

  /** Questions that the server owes an answer to. */
  get unanswered(): number {
    return this.#open.size;
  }

  /** Takes note of a 201 for something to run no sooner than `earliest`. */
  accept(task: Task, earliest: number): void {
    const isThere = this.db.query("SELECT 1 FROM tasks WHERE id = ?").get(task.id) !== null;
    this.model.check(isThere, `${task.id}: acknowledged before it was kept`);
    this.model.accepted(task, earliest);
  }

  /** Looks at what was written; to be called before time passes. */
  look(): void {
    this.audit.look(this.clock.now());
  }

  /** What is wrong by now. */
  faults(...sets: Parameters<typeof faultsIn>[1][]): readonly string[] {
    this.look();
    return [...this.model.faults, ...this.audit.faults, ...faultsIn(this.db, "always", ...sets)];
  }

  /** An attempt is cut off: it is to run again. */
  mayRunAgain({ taskId, lease }: AttemptRequest): void {
    this.model.interruptible.add(attemptKey(taskId, lease));
    if (this.#isStopping) this.model.atStop.add(attemptKey(taskId, lease));
  }

  async close(): Promise<void> {
    this.crash();
    // What is on its way to the store arrives before another world uses it.
    await this.clock.settle();
  }

  #attemptBegins(request: AttemptRequest): void {
    const { taskId, lease, attempt, maxAttempts } = request;
    this.model.starts(taskId, lease);
    this.model.check(attempt <= maxAttempts, `${taskId}: attempt ${attempt} of ${maxAttempts}`);
    const row = this.db
      .query<{ status: string; attempt: number }, [string]>("SELECT status, attempt FROM tasks WHERE id = ?")
      .get(taskId);
    const owned = row?.status === "running" && row.attempt === lease;
    this.model.check(owned, `${taskId}: attempt ${lease} was started, and the store has ${JSON.stringify(row)}`);
    if (this.#isStopping) this.mayRunAgain(request);
  }

  #running(): readonly { id: string; attempt: number }[] {
    return this.db
      .query<{ id: string; attempt: number }, []>("SELECT id, attempt FROM tasks WHERE status = 'running'")
      .all();
  }

  #fateOf(verb: PropertyKey): Fate {
    if (reads.has(verb)) return "passes";
    const n = this.writes++;
    if (this.#fault === null || n < this.#fault.from || n >= this.#fault.until) return "passes";
    return this.#fault.kind;
  }
}

let database: Database | null = null;

/** The same one for all worlds, which come one after the other: to make it takes longer than to live in it. */
function emptyDatabase(): Database {
  if (database === null) {
    database = connect(":memory:");
    migrate(database);
    setUpAudit(database);
  }
  for (const table of ["tasks", "attempts", "logs", "counters", "audit"]) database.run(`DELETE FROM ${table}`);
  return database;
}

/** Mulberry32: good enough for jitter, and the same again for the same seed. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
